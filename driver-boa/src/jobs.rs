//! The queue of promise jobs. Boa's own executors wait in a busy loop.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use boa_engine::{
    Context, JsResult,
    job::{Job, JobExecutor},
};

use crate::budget::Budget;

pub(crate) struct Jobs {
    queue: RefCell<VecDeque<Job>>,
    budget: Rc<Budget>,
}

impl Jobs {
    pub(crate) fn new(budget: Rc<Budget>) -> Self {
        Self { queue: RefCell::default(), budget }
    }

    fn next(&self) -> Option<Job> {
        self.queue.borrow_mut().pop_front()
    }
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _: &mut Context) {
        self.queue.borrow_mut().push_back(job);
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        while let Some(job) = self.next() {
            // A job that was stopped reports no error: Boa keeps it in the job's promise.
            self.budget.reserve(0)?;
            match job {
                Job::PromiseJob(job) => drop(job.call(context)?),
                Job::GenericJob(job) => drop(job.call(context)?),
                // Of waiting in Atomics, modules and FinalizationRegistry, none of which a program can reach.
                _ => {}
            }
        }
        Ok(())
    }
}
