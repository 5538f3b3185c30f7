//! [`Threaded`]: the one place where an [`Engine`] becomes an [`IsolateDriver`].
//!
//! A sandbox is a task: create the engine, wait for a program, run it, end. The warm pool is a list of tasks that
//! wait for their program. Dropping the sender of a waiting task ends it.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    driver::{
        Answer, BoxFuture, ContextConfig, DriverInfo, Host, IsolateContext, IsolateDriver, Program,
        deadline::Deadline,
        execution::{Execution, Job, Source},
        run_loop::drive,
        workers::Workers,
    },
    engine::{Engine, EngineInfo, HeapEnforcement, HeapLimits, InterruptSupport},
    journal::Recording,
    poison::lock,
    types::{Error, ErrorKind, Outcome},
};

/// Runs engines of kind `E` on threads of its own.
pub struct Threaded<E: Engine> {
    shared: Arc<Inner<E>>,
}

struct Inner<E: Engine> {
    options: E::Options,
    max_lost: usize,
    start: StartSandbox<E>,
    workers: OnceLock<Arc<Workers>>,
    warm: Warm,
}

/// How a sandbox's task gets onto a thread. The only place where engines that can move and engines that cannot differ.
type StartSandbox<E> = fn(&Arc<Workers>, Sandbox<E>);

/// Sandboxes that wait for their program.
struct Warm {
    size: usize,
    heap: HeapLimits,
    ready: Mutex<VecDeque<Waiting>>,
}

/// A sandbox that has its engine, or will have it in a moment, and waits for its program.
struct Waiting {
    execution: Arc<Execution>,
    job: oneshot::Sender<Job>,
}

impl<E: Engine> Threaded<E> {
    /// For any engine: it lives on one thread, which is its own as long as it lives.
    pub fn dedicated(options: E::Options) -> Self {
        Self::new(options, |workers, sandbox| workers.spawn_dedicated(move || sandbox.live()))
    }

    /// For engines that are `Send`: an engine that waits for a tool holds no thread, and may wake on another one.
    pub fn pooled(options: E::Options) -> Self
    where
        E: Send,
    {
        Self::new(options, |workers, sandbox| workers.spawn(sandbox.live()))
    }

    fn new(options: E::Options, start: StartSandbox<E>) -> Self {
        let warm = Warm { size: 0, heap: crate::types::Limits::default().heap(), ready: Mutex::default() };
        let shared = Inner { options, max_lost: DEFAULT_MAX_LOST, start, workers: OnceLock::new(), warm };
        Self { shared: Arc::new(shared) }
    }

    /// Keeps `size` engines with the prelude loaded, for executions with these heap limits; others start cold. Each
    /// is used for one execution and replaced. Filling begins with the first execution or with
    /// [`prewarm`](Self::prewarm).
    #[must_use]
    pub fn warm(self, size: usize, heap: HeapLimits) -> Self {
        self.changed(|shared| shared.warm = Warm { size, heap, ready: Mutex::default() })
    }

    /// Refuses new work while more than `most` threads are held by programs that ignore their interrupt. Default 8.
    #[must_use]
    pub fn max_lost_threads(self, most: usize) -> Self {
        self.changed(|shared| shared.max_lost = most)
    }

    fn changed(mut self, change: impl FnOnce(&mut Inner<E>)) -> Self {
        let shared = Arc::get_mut(&mut self.shared).expect("the driver is not shared before it is built");
        change(shared);
        self
    }

    /// Starts filling the warm pool, so that the first execution finds it full.
    ///
    /// # Errors
    /// [`ErrorKind::DriverStart`] when the engine cannot be started.
    pub fn prewarm(&self) -> Result<(), Error> {
        let workers = self.shared.workers()?;
        // Nobody waits for them here.
        let _ = self.shared.refill(&workers);
        Ok(())
    }

    /// Fills the warm pool and waits until the engines are up, so that the first executions find them ready.
    ///
    /// # Errors
    /// [`ErrorKind::DriverStart`] when an engine cannot be started.
    pub async fn ready(&self) -> Result<(), Error> {
        let workers = self.shared.workers()?;
        for ready in self.shared.refill(&workers) {
            // Closed without an answer: its task panicked; an execution that starts cold will say so.
            ready.await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// How many warm sandboxes wait now; some may still be loading.
    pub fn pool_len(&self) -> usize {
        lock(&self.shared.warm.ready).len()
    }

    /// How many threads are held by programs that ignore their interrupt.
    pub fn lost_threads(&self) -> usize {
        self.shared.workers.get().map_or(0, |workers| workers.lost())
    }
}

impl<E: Engine> Inner<E> {
    fn workers(&self) -> Result<Arc<Workers>, Error> {
        if let Some(workers) = self.workers.get() {
            return Ok(workers.clone());
        }
        let workers = Workers::of::<E>(&self.options)?;
        Ok(self.workers.get_or_init(|| workers).clone())
    }

    /// What must hold before work is taken.
    fn admit(&self, config: &ContextConfig) -> Result<Arc<Workers>, Error> {
        config.limits.check()?;
        let workers = self.workers()?;
        let lost = workers.lost();
        if lost > self.max_lost {
            return Err(Error::new(
                ErrorKind::ThreadsLost,
                "too many threads are held by programs that ignore their interrupt; wait until they give in, or restart the process",
            )
            .with("driver", E::INFO.name)
            .with("lost threads", lost.to_string()));
        }
        Ok(workers)
    }

    /// Starts a sandbox that waits for its program.
    fn start(&self, workers: &Arc<Workers>, heap: HeapLimits) -> (Waiting, oneshot::Receiver<Result<(), Error>>) {
        let execution = Arc::new(Execution::default());
        let (job, next_job) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let sandbox = Sandbox {
            options: self.options.clone(),
            heap,
            execution: execution.clone(),
            workers: workers.clone(),
            ready,
            job: next_job,
        };
        (self.start)(workers, sandbox);
        (Waiting { execution, job }, is_ready)
    }

    fn take_warm(&self, heap: HeapLimits) -> Option<Waiting> {
        if heap != self.warm.heap {
            return None;
        }
        let taken = lock(&self.warm.ready).pop_front();
        // A warm sandbox whose engine could not be created has closed its side; a cold one will say why.
        taken.filter(|waiting| !waiting.job.is_closed())
    }

    /// Starts what the warm pool lacks; each of the receivers hears when one engine is up.
    fn refill(&self, workers: &Arc<Workers>) -> Vec<oneshot::Receiver<Result<(), Error>>> {
        let mut ready = lock(&self.warm.ready);
        let mut started = Vec::new();
        while ready.len() < self.warm.size {
            let (waiting, is_ready) = self.start(workers, self.warm.heap);
            ready.push_back(waiting);
            started.push(is_ready);
        }
        started
    }

    /// Runs a job in `sandbox` and sees to its deadline.
    async fn run(&self, workers: Arc<Workers>, sandbox: Waiting, job: Job) -> Answer {
        let Waiting { execution, job: give } = sandbox;
        let (answer, answered) = oneshot::channel();
        execution.expect_answer(answer);
        let grace = job.config.limits.grace;
        let deadline = Deadline::new(&execution, workers.clone(), &job.config.limits, &job.source);
        let _deadline = deadline.set(job.requested + job.config.limits.timeout)?;
        // A task that failed to create its engine has already answered.
        let _ = give.send(job);
        let guard = CancelOnDrop { execution: Some(execution), grace, workers };
        let result = answered.await;
        guard.done();
        result.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::DriverFailed, "the sandbox ended without an answer; its driver has a defect")
                .with("driver", E::INFO.name))
        })
    }

    async fn execute(&self, config: ContextConfig, program: Program, source: Source) -> Answer {
        let arrived = Instant::now();
        let requested = program.requested.unwrap_or(arrived);
        let workers = self.admit(&config)?;
        let heap = config.limits.heap();
        let sandbox = self.take_warm(heap).unwrap_or_else(|| self.start(&workers, heap).0);
        let job = Job { config, program, source, requested, arrived, runtime: Handle::try_current().ok() };
        let answer = self.run(workers.clone(), sandbox, job).await;
        // Afterwards, so that filling the pool is not in the way of what was asked for.
        // Nobody waits for them here.
        let _ = self.refill(&workers);
        answer
    }
}

/// Cancels the execution when the caller drops its future.
struct CancelOnDrop {
    execution: Option<Arc<Execution>>,
    grace: Duration,
    workers: Arc<Workers>,
}

impl CancelOnDrop {
    fn done(mut self) {
        self.execution = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(execution) = self.execution.take() {
            execution.cancel(self.grace, &self.workers);
        }
    }
}

/// What a sandbox's task begins with.
struct Sandbox<E: Engine> {
    options: E::Options,
    heap: HeapLimits,
    execution: Arc<Execution>,
    workers: Arc<Workers>,
    ready: oneshot::Sender<Result<(), Error>>,
    job: oneshot::Receiver<Job>,
}

impl<E: Engine> Sandbox<E> {
    fn live(self) -> impl Future<Output = ()> {
        let (execution, workers) = (self.execution.clone(), self.workers.clone());
        Counted { future: Box::pin(self.run()), execution, workers }
    }

    async fn run(self) {
        let Self { options, heap, execution, ready, job, .. } = self;
        let engine = match E::create(&options, &heap, execution.port()) {
            Ok(engine) => engine,
            Err(fault) => {
                let error = || {
                    Error::new(ErrorKind::DriverStart, "the engine could not be created").with("driver", E::INFO.name)
                };
                execution.fail(error().because(fault.to_string()));
                // Nobody waits for a warm sandbox.
                let _ = ready.send(Err(error().because(fault)));
                return;
            }
        };
        execution.engine_is_up(engine.interrupter());
        // Nobody waits for a warm sandbox.
        let _ = ready.send(Ok(()));
        // Its sender is gone when the driver or the context was dropped.
        let Ok(job) = job.await else { return };
        let runtime = job.runtime.clone();
        InRuntime { future: Box::pin(drive(engine, execution, job)), runtime }.await;
    }
}

/// Tells the execution when a worker is inside it.
struct Counted<F> {
    future: Pin<Box<F>>,
    execution: Arc<Execution>,
    workers: Arc<Workers>,
}

impl<F: Future<Output = ()>> Future for Counted<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.execution.set_busy(true, &self.workers);
        let poll = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(context)));
        self.execution.set_busy(false, &self.workers);
        poll.unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::DriverFailed, "the driver panicked; this is a defect of the driver");
            self.execution.fail(error);
            Poll::Ready(())
        })
    }
}

/// Polls and drops a future inside a tokio runtime, so that tools can use its timers, sockets and tasks.
struct InRuntime<F> {
    future: Pin<Box<F>>,
    runtime: Option<Handle>,
}

impl<F: Future<Output = ()>> Future for InRuntime<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let runtime = self.runtime.clone();
        let _inside = runtime.as_ref().map(Handle::enter);
        self.future.as_mut().poll(context)
    }
}

impl<E: Engine> IsolateDriver for Threaded<E> {
    fn name(&self) -> &str {
        E::INFO.name
    }

    fn info(&self) -> DriverInfo {
        describe(&E::INFO)
    }

    fn wants_ticks(&self) -> bool {
        E::INFO.interrupt == InterruptSupport::Ticks
    }

    fn create_context(&self, config: ContextConfig) -> BoxFuture<'_, Result<Box<dyn IsolateContext>, Error>> {
        Box::pin(async move {
            let workers = self.shared.admit(&config)?;
            let (sandbox, ready) = self.shared.start(&workers, config.limits.heap());
            ready.await.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::DriverFailed, "the engine panicked while it was created")
                    .with("driver", E::INFO.name))
            })?;
            let context = ThreadedContext { shared: self.shared.clone(), config, sandbox: Some(sandbox) };
            Ok(Box::new(context) as Box<dyn IsolateContext>)
        })
    }

    fn execute<'a>(
        &'a self,
        config: ContextConfig,
        program: Program,
        host: Arc<dyn Host>,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.shared.execute(config, program, Source::Live(host)))
    }

    fn replay<'a>(
        &'a self,
        config: ContextConfig,
        mut program: Program,
        recording: Recording,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        if let Some((epoch_ms, seed)) = recording.start() {
            (program.epoch_ms, program.seed) = (Some(epoch_ms), Some(seed));
        }
        Box::pin(self.shared.execute(config, program, Source::Recorded(Box::new(recording))))
    }
}

impl<E: Engine> fmt::Debug for Threaded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded")
            .field("engine", &E::INFO.name)
            .field("options", &self.shared.options)
            .field("warm", &self.shared.warm.size)
            .finish_non_exhaustive()
    }
}

struct ThreadedContext<E: Engine> {
    shared: Arc<Inner<E>>,
    config: ContextConfig,
    /// Used up by the first program.
    sandbox: Option<Waiting>,
}

impl<E: Engine> IsolateContext for ThreadedContext<E> {
    fn execute(&mut self, program: Program, host: Arc<dyn Host>) -> BoxFuture<'_, Result<Outcome, Error>> {
        let (sandbox, config) = (self.sandbox.take(), self.config.clone());
        Box::pin(async move {
            let arrived = Instant::now();
            let requested = program.requested.unwrap_or(arrived);
            let workers = self.shared.admit(&config)?;
            let sandbox = sandbox.unwrap_or_else(|| self.shared.start(&workers, config.limits.heap()).0);
            let source = Source::Live(host);
            let job = Job { config, program, source, requested, arrived, runtime: Handle::try_current().ok() };
            self.shared.run(workers, sandbox, job).await
        })
    }
}

fn describe(info: &EngineInfo) -> DriverInfo {
    DriverInfo {
        name: info.name.to_owned(),
        engine: info.version.to_owned(),
        deadline: match info.interrupt {
            InterruptSupport::Anywhere => "stops any code".to_owned(),
            InterruptSupport::ProgramCode | InterruptSupport::Ticks => {
                "stops the program's own code, not a long native function".to_owned()
            }
        },
        memory: match info.heap {
            HeapEnforcement::Structural => "structural".to_owned(),
            HeapEnforcement::Counted => "every allocation counted".to_owned(),
            HeapEnforcement::BestEffort => "best effort; see the driver's README".to_owned(),
        },
        isolation: info.isolation.to_owned(),
    }
}

const DEFAULT_MAX_LOST: usize = 8;

#[cfg(test)]
mod tests;
