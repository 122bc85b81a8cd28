use std::sync::Arc;
use std::time::Duration;

/// A monotonic clock that also runs while the machine sleeps.
///
/// Views of credentials measure their age with it: a machine that wakes up must know at once that its view is old, and
/// setting the wall clock must not matter.
pub trait BootClock: Send + Sync + 'static {
    /// Returns the time since the machine was started.
    fn since_boot(&self) -> Duration;
}

impl<C: BootClock + ?Sized> BootClock for Arc<C> {
    fn since_boot(&self) -> Duration {
        (**self).since_boot()
    }
}

/// The clock of the operating system: `CLOCK_BOOTTIME` on Linux (feature `boot-clock`).
#[cfg(feature = "boot-clock")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemBootClock;

#[cfg(feature = "boot-clock")]
impl BootClock for SystemBootClock {
    fn since_boot(&self) -> Duration {
        let now = rustix::time::clock_gettime(CLOCK);
        // Neither part is negative on a clock that starts with the machine.
        Duration::new(
            u64::try_from(now.tv_sec).unwrap_or(0),
            u32::try_from(now.tv_nsec).unwrap_or(0),
        )
    }
}

#[cfg(all(
    feature = "boot-clock",
    any(target_os = "linux", target_os = "android")
))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
/// On other systems, the monotonic clock runs while the machine sleeps, as on macOS, or is the best there is.
#[cfg(all(
    feature = "boot-clock",
    not(any(target_os = "linux", target_os = "android"))
))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
