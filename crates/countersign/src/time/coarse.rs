use std::env;
use std::sync::LazyLock;

use rustix::time::{ClockId, clock_gettime};

use super::Timestamp;

/// Whether a library may replace the clock of the C library, as libfaketime does in tests.
static MAY_BE_REPLACED: LazyLock<bool> = LazyLock::new(|| env::var_os("LD_PRELOAD").is_some());

/// Returns the time of the last tick of the kernel's timer, which was some milliseconds ago. Reading it takes a fifth of the time
/// of reading the exact clock, and every request reads it. Returns `None` if the exact clock must be read.
pub(super) fn now() -> Option<Timestamp> {
    if *MAY_BE_REPLACED {
        return None;
    }
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let millis = now.tv_sec.checked_mul(1000)?;
    millis
        .checked_add(now.tv_nsec.div_euclid(1_000_000))
        .map(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the exact clock is what is compared with"
    )]
    fn coarse_time_is_behind_the_exact_one_and_close_to_it() {
        let earlier = now();
        let exact = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let exact = i64::try_from(exact.unwrap().as_millis()).unwrap();
        let minute = Duration::from_secs(60);
        if let Some(earlier) = earlier {
            assert!(earlier.unix_millis() <= exact);
            assert!(exact <= earlier.plus(minute).unix_millis());
        }
    }
}
