//! The threads that engines run on: a pool for each kind of engine, and the spawner they descend from.
//!
//! A worker may be blocked for long: by a program that computes, by a tool that blocks in its poll, for ever by an
//! engine that ignores its interrupt. So the pool is not one thread per core. It starts with few, and adds a thread
//! whenever work waits and no worker has taken any for a moment. Idle threads go away.

use std::{
    any::TypeId,
    collections::{HashMap, VecDeque},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use async_task::Runnable;

use crate::{
    driver::timer::{self, Timer},
    engine::{Engine, Fault},
    poison::lock,
    types::{Error, ErrorKind},
};

/// The worker threads of one kind of engine.
pub(crate) struct Workers {
    name: &'static str,
    stack_bytes: usize,
    queue: Mutex<Queue>,
    work: Condvar,
    spawner: mpsc::Sender<Arc<Workers>>,
    /// Reaches a thread that is there beforehand, for reports that can have no thread of their own.
    reporter: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    lost: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Unit>,
    /// Workers that wait for work.
    idle: usize,
    /// Workers in all, those that are being started included.
    threads: usize,
    /// Units taken so far: if it stands still while work waits, every worker is blocked.
    taken: u64,
    pressure: Option<Timer>,
}

enum Unit {
    /// One poll of a future that may move between threads.
    Poll(Runnable),
    /// A future that lives on one thread: the worker is its own until it is done.
    Dedicated(Box<dyn FnOnce() + Send>),
}

impl Workers {
    /// The pool for engines of kind `E`, started on first use.
    pub(crate) fn of<E: Engine>(options: &E::Options) -> Result<Arc<Self>, Error> {
        static POOLS: Mutex<Option<HashMap<TypeId, Arc<Workers>>>> = Mutex::new(None);
        let mut pools = lock(&POOLS);
        let pools = pools.get_or_insert_default();
        if let Some(pool) = pools.get(&TypeId::of::<E>()) {
            return Ok(pool.clone());
        }
        let pool = Self::start::<E>(options.clone())?;
        pools.insert(TypeId::of::<E>(), pool.clone());
        Ok(pool)
    }

    fn start<E: Engine>(options: E::Options) -> Result<Arc<Self>, Error> {
        let failed = |source: Fault| {
            Error::new(ErrorKind::DriverStart, "the engine could not prepare the process")
                .with("driver", E::INFO.name)
                .because(source)
        };
        let (started, start) = mpsc::channel::<Result<(), Fault>>();
        let (spawner, requests) = mpsc::channel::<Arc<Self>>();
        thread::Builder::new()
            .name(format!("codemode-{}-spawner", E::INFO.name))
            .stack_size(E::THREAD_STACK_BYTES)
            .spawn(move || {
                let ready = E::start_process(&options);
                let usable = ready.is_ok();
                // The other side waits for this message; it is gone only if its thread was killed.
                let _ = started.send(ready);
                if usable {
                    requests.iter().for_each(Self::add_thread);
                }
            })
            .map_err(|e| {
                let mib = E::THREAD_STACK_BYTES >> 20;
                failed(format!("the system gives no thread with {mib} MiB of stack ({e}): raise its limit of address space or of threads").into())
            })?;
        start.recv().map_err(|e| failed(e.into()))?.map_err(failed)?;
        let (reporter, reports) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let report = move || {
            for report in reports {
                // A defect that the report of one execution meets costs no other its report.
                let _ = catch_unwind(AssertUnwindSafe(report));
            }
        };
        thread::Builder::new()
            .name("codemode-reporter".into())
            .spawn(report)
            .map_err(|e| failed(format!("the system gives no thread ({e}): raise its limit of threads").into()))?;
        Ok(Arc::new(Self {
            name: E::INFO.name,
            stack_bytes: E::THREAD_STACK_BYTES,
            queue: Mutex::default(),
            work: Condvar::new(),
            spawner,
            reporter,
            lost: AtomicUsize::new(0),
        }))
    }

    /// Runs a future that may move between threads; while it waits it holds no thread.
    pub(crate) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        let pool = self.clone();
        let (runnable, task) = async_task::spawn(future, move |runnable| pool.push(Unit::Poll(runnable)));
        runnable.schedule();
        task.detach();
    }

    /// Runs a future that stays on one thread, which is its own until it is done.
    pub(crate) fn spawn_dedicated<F: Future<Output = ()>>(self: &Arc<Self>, make: impl FnOnce() -> F + Send + 'static) {
        self.push(Unit::Dedicated(Box::new(move || block_on(make()))));
    }

    /// Runs `report` on a thread of its own that touches no engine, so that the host can be told what a stuck thread
    /// cannot tell. Does not wait for a free worker; only when the system has no thread to give, which may be why the other
    /// is stuck, it waits for such reports before it.
    pub(crate) fn spawn_report(&self, report: impl FnOnce() + Send + 'static) {
        // Shared, so that the closure is not lost when the thread cannot be started.
        let report = Arc::new(Mutex::new(Some(report)));
        let run = move || {
            let report = lock(&report).take();
            if let Some(report) = report {
                report();
            }
        };
        if thread::Builder::new().name("codemode-report".into()).spawn(run.clone()).is_err() {
            // It ends only with the pool, which is there.
            let _ = self.reporter.send(Box::new(run));
        }
    }

    /// How many threads are held by something that ignores its interrupt.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_found(&self) {
        self.lost.fetch_sub(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn push(self: &Arc<Self>, unit: Unit) {
        let dedicated = matches!(unit, Unit::Dedicated(_));
        let mut queue = self.lock();
        queue.waiting.push_back(unit);
        if queue.waiting.len() <= queue.idle {
            drop(queue);
            self.work.notify_one();
        } else if queue.threads < FIRST_THREADS || dedicated && queue.threads < MAX_THREADS {
            self.grow(&mut queue);
        } else {
            self.check_pressure(&mut queue);
        }
    }

    fn grow(self: &Arc<Self>, queue: &mut Queue) {
        queue.threads += 1;
        // The spawner ends only with the process; if it is gone, so is everything that could wait for a worker.
        let _ = self.spawner.send(self.clone());
    }

    /// Looks again in a moment whether work waits and nobody takes it.
    fn check_pressure(self: &Arc<Self>, queue: &mut Queue) {
        if queue.pressure.is_some() || queue.threads >= MAX_THREADS {
            return;
        }
        let (pool, taken) = (Arc::downgrade(self), queue.taken);
        let look = move || {
            let Some(pool) = pool.upgrade() else { return };
            let mut queue = pool.lock();
            let fired = queue.pressure.take();
            if queue.waiting.len() > queue.idle {
                if queue.taken == taken {
                    pool.grow(&mut queue);
                }
                pool.check_pressure(&mut queue);
            }
            drop(queue);
            drop(fired);
        };
        // Without a timer thread there is no more growth, only slower work; every execution sets its deadline before it
        // comes here and reports that there is no timer thread.
        queue.pressure = timer::set(Instant::now() + PRESSURE, look).ok();
    }

    /// Runs on the spawner's thread, so that the new thread descends from it.
    fn add_thread(self: Arc<Self>) {
        let name = format!("codemode-{}", self.name);
        let pool = self.clone();
        let started = thread::Builder::new().name(name).stack_size(self.stack_bytes).spawn(move || pool.work());
        if started.is_err() {
            // The system has no thread to give now. The work stays queued for the workers there are, and the
            // pressure check asks again.
            let mut queue = self.lock();
            queue.threads -= 1;
            self.check_pressure(&mut queue);
        }
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(unit) = queue.waiting.pop_front() {
                queue.taken += 1;
                drop(queue);
                // A panic in here is a defect of a driver or of core; the execution it hits reports it, this thread
                // goes on.
                let _ = catch_unwind(AssertUnwindSafe(|| match unit {
                    Unit::Poll(runnable) => drop(runnable.run()),
                    Unit::Dedicated(run) => run(),
                }));
                queue = self.lock();
                continue;
            }
            queue.idle += 1;
            let (back, timeout) = self.work.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = back;
            queue.idle -= 1;
            if timeout.timed_out() && queue.waiting.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }
}

/// Runs a future on this thread, parking it while there is nothing to do.
pub(crate) fn block_on(future: impl Future<Output = ()>) {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    while future.as_mut().poll(&mut context).is_pending() {
        thread::park();
    }
}

/// Threads started without asking whether work stands still.
const FIRST_THREADS: usize = 4;
/// More than these wait for a free worker; their deadlines hold all the same.
const MAX_THREADS: usize = 2_048;
const PRESSURE: Duration = Duration::from_millis(2);
const IDLE: Duration = Duration::from_secs(2);
