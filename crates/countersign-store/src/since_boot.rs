use std::sync::Arc;
use std::time::Duration;

/// Time since the machine was started, its sleep included. Freshness is measured with it: a machine
/// that wakes up must know at once that its view is old, and setting the wall clock must not matter.
pub trait SinceBoot: Send + Sync + 'static {
    /// How long ago the machine was started.
    fn since_boot(&self) -> Duration;
}

impl<S: SinceBoot + ?Sized> SinceBoot for Arc<S> {
    fn since_boot(&self) -> Duration {
        (**self).since_boot()
    }
}

/// The operating system's `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

impl SinceBoot for BootClock {
    fn since_boot(&self) -> Duration {
        let now = rustix::time::clock_gettime(BOOT);
        // Neither part is ever negative on a clock that starts with the machine.
        Duration::new(
            u64::try_from(now.tv_sec).unwrap_or(0),
            u32::try_from(now.tv_nsec).unwrap_or(0),
        )
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const BOOT: rustix::time::ClockId = rustix::time::ClockId::Boottime;
/// Elsewhere the monotonic clock is the one that runs during sleep, as on macOS, or the best there is.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BOOT: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
