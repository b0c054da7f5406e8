//! The thread pool of this process.

use crate::errors;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// The most threads one may ask for.
const LIMIT: usize = 1024;

/// The environment variable that sets the default.
const VARIABLE: &str = "TOKENGROVE_NUM_THREADS";

/// The pool and what it was made for.
struct State {
    /// What the caller asked for, if anything.
    chosen: Option<usize>,
    /// The pool, made when first needed, and the process that made it.
    pool: Option<(u32, Arc<ThreadPool>)>,
}

/// Locked for an instant and only while attached to the interpreter, so no thread can hold it while `os.fork` runs.
static STATE: Mutex<State> = Mutex::new(State { chosen: None, pool: None });

fn state(_attached: Python<'_>) -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the number of threads; `None` goes back to the default.
pub(crate) fn set(py: Python<'_>, n: Option<i64>) -> PyResult<()> {
    let chosen = n
        .map(|n| {
            usize::try_from(n).ok().filter(|n| (1..=LIMIT).contains(n)).ok_or_else(|| {
                errors::INVALID_ARGUMENT.err(py, format_args!("the number of threads must be 1 to {LIMIT}; found {n}"))
            })
        })
        .transpose()?;
    let mut state = state(py);
    state.chosen = chosen;
    let old = state.pool.take();
    drop(state);
    retire(old);
    Ok(())
}

/// The number of threads that work is spread over.
pub(crate) fn get(py: Python<'_>) -> PyResult<usize> {
    let chosen = state(py).chosen;
    chosen.map_or_else(|| default(py), Ok)
}

/// The pool, or `None` if work is to stay on the calling thread.
///
/// The threads of a pool do not survive a fork, so a child process makes its own.
pub(crate) fn pool(py: Python<'_>) -> PyResult<Option<Arc<ThreadPool>>> {
    let threads = get(py)?;
    if threads == 1 {
        return Ok(None);
    }
    let process = std::process::id();
    let mut state = state(py);
    if let Some((owner, pool)) = &state.pool
        && *owner == process
        && pool.current_num_threads() == threads
    {
        return Ok(Some(Arc::clone(pool)));
    }
    let made = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("tokengrove-{i}"))
        .start_handler(start_apart)
        .build();
    let old = match made {
        Ok(pool) => {
            let pool = Arc::new(pool);
            let old = state.pool.replace((process, Arc::clone(&pool)));
            drop(state);
            retire(old);
            return Ok(Some(pool));
        }
        Err(_) => state.pool.take(),
    };
    drop(state);
    retire(old);
    // Threads may be forbidden here (a sandbox, a limit): the calling thread can still do the work.
    Ok(None)
}

/// Moves a new thread to a core of its own, and leaves it free to be moved.
///
/// Linux starts threads on the core of their maker and wakes them where they last ran. On machines of few cores it then
/// lets two threads share one for all of a short call, while another core is idle.
#[cfg(target_os = "linux")]
fn start_apart(thread: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores = usize::try_from(allowed.count()).unwrap_or(0);
    if cores < 2 {
        return;
    }
    // Processes start at different cores, so that those with few threads do not meet on the first ones.
    let wanted = (std::process::id() as usize).wrapping_add(thread) % cores;
    let Some(core) = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).nth(wanted) else { return };
    let mut alone = CpuSet::new();
    alone.set(core);
    // Only speed depends on it, so a sandbox may forbid it.
    if sched_setaffinity(None, &alone).is_ok() {
        let _ = sched_setaffinity(None, &allowed);
    }
}

/// Other systems choose well, or do not say where a thread runs.
#[cfg(not(target_os = "linux"))]
const fn start_apart(_thread: usize) {}

/// Lets a pool go. One inherited over a fork is leaked: telling its threads to stop would touch locks that no one will release.
fn retire(old: Option<(u32, Arc<ThreadPool>)>) {
    if let Some((owner, pool)) = old
        && owner != std::process::id()
    {
        mem::forget(pool);
    }
}

/// The number of threads if none was chosen.
fn default(py: Python<'_>) -> PyResult<usize> {
    if let Ok(value) = std::env::var(VARIABLE) {
        return value.trim().parse().ok().filter(|n| (1..=LIMIT).contains(n)).ok_or_else(|| {
            errors::INVALID_ARGUMENT
                .err(py, format_args!("the environment variable {VARIABLE} must be 1 to {LIMIT}; found {value:?}"))
        });
    }
    if in_worker_process(py)? {
        return Ok(1);
    }
    Ok(available_parallelism().map_or(1, NonZeroUsize::get).min(LIMIT))
}

/// Whether this process was started by `multiprocessing`; that module is asked only if it is loaded.
fn in_worker_process(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import("sys")?.getattr("modules")?;
    let Some(module) = modules.cast::<PyDict>()?.get_item("multiprocessing.process")? else { return Ok(false) };
    Ok(!module.call_method0("parent_process")?.is_none())
}
