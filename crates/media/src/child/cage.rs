//! The walls around the decoders.
//!
//! Linux: limits on memory, CPU time and open files, no core dump, death with the parent, and a
//! seccomp list of the few calls that computing and answering need; everything else, opening and
//! connecting and starting programs among it, answers EPERM.
//! Other Unixes: CPU time and no core dump. Windows: none of these; there the parent's clock and
//! the decoders' own allocation limits hold.

#[cfg(target_os = "linux")]
pub use linux::enter;

/// Memory the child may map.
#[cfg(target_os = "linux")]
const MAX_MEMORY_BYTES: u64 = 1536 * 1024 * 1024;
/// CPU time the child may use.
#[cfg(unix)]
const MAX_CPU_S: u64 = 20;

#[cfg(unix)]
fn limit(resource: rustix::process::Resource, value: u64) -> std::io::Result<()> {
    let both = rustix::process::Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    Ok(rustix::process::setrlimit(resource, both)?)
}

/// Locks this process in; an error means that nothing may be decoded.
#[cfg(all(unix, not(target_os = "linux")))]
pub fn enter() -> std::io::Result<()> {
    use rustix::process::Resource;
    limit(Resource::Cpu, MAX_CPU_S)?;
    limit(Resource::Core, 0)
}

/// Locks this process in as far as is possible here.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same door on every system")]
pub fn enter() -> std::io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{MAX_CPU_S, MAX_MEMORY_BYTES, limit};
    use rustix::process::{Resource, Signal, set_parent_process_death_signal};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };
    use std::collections::BTreeMap;
    use std::io;

    /// Standard input, output and error, and no other.
    const MAX_OPEN_FILES: u64 = 3;

    /// Calls that carry no rights beyond the three pipes that are already open.
    const FREE: [libc::c_long; 30] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        // What a thread says of itself when it is born. The window's program links libraries that start some before its
        // first line; one that is born while the walls go up must not find these shut: the C library ends the process.
        libc::SYS_rseq,
        libc::SYS_set_robust_list,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// Locks this process in; an error means that nothing may be decoded.
    pub fn enter() -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        limit(Resource::Core, 0)?;
        limit(Resource::Fsize, 0)?;
        limit(Resource::Nofile, MAX_OPEN_FILES)?;
        limit(Resource::Cpu, MAX_CPU_S)?;
        limit(Resource::As, MAX_MEMORY_BYTES)?;
        let program = filter().map_err(io::Error::other)?;
        seccompiler::apply_filter_all_threads(&program).map_err(io::Error::other)
    }

    fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            FREE.into_iter().map(|call| (call, Vec::new())).collect();
        // Memory that is or becomes executable is for intruders.
        let exec = u64::from(libc::PROT_EXEC.unsigned_abs());
        rules.insert(
            libc::SYS_mmap,
            vec![arg(2, SeccompCmpOp::MaskedEq(exec), 0)?],
        );
        rules.insert(
            libc::SYS_mprotect,
            vec![arg(2, SeccompCmpOp::MaskedEq(exec), 0)?],
        );
        // Aborting signals oneself; nobody else.
        let own = u64::from(std::process::id());
        rules.insert(libc::SYS_tgkill, vec![arg(0, SeccompCmpOp::Eq, own)?]);
        let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?.try_into()
    }

    fn arg(
        position: u8,
        test: SeccompCmpOp,
        value: u64,
    ) -> Result<SeccompRule, seccompiler::BackendError> {
        let condition = SeccompCondition::new(position, SeccompCmpArgLen::Dword, test, value)?;
        SeccompRule::new(vec![condition])
    }
}
