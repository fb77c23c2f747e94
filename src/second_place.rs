//! Whoever answers goes first: how a thread that nobody waits for leaves the processor to them. It must not be used by a thread that
//! an answer depends on.

/// From here on this thread has less right to the processor than those that answer. On Linux a priority is a thread's own; elsewhere
/// it would be the whole process's.
pub fn take_second_place() {
    #[cfg(target_os = "linux")]
    {
        // Without the right to do so, it competes.
        let _ = rustix::process::setpriority_process(None, 10);
    }
}
