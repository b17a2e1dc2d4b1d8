//! A bounded queue from async callers to threads.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use tokio::sync::Semaphore;

use super::error::Closed;

/// Many push, many take, in order. A full queue lets callers wait, a closed one is emptied and takes no more.
#[derive(Debug)]
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    filled: Condvar,
    room: Semaphore,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    closed: bool,
}

impl<J> Queue<J> {
    /// A queue for so many.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { jobs: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), room: Semaphore::new(capacity) }
    }

    /// Puts a job at the end, as soon as there is room.
    pub(super) async fn push(&self, job: J) -> Result<(), Closed> {
        self.room.acquire().await.map_err(|_| Closed)?.forget();
        let mut state = self.state();
        if state.closed {
            return Err(Closed);
        }
        state.jobs.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes the first job, when there is one; nothing once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<J> {
        let waiting = |state: &mut State<J>| state.jobs.is_empty() && !state.closed;
        let mut state =
            self.filled.wait_while(self.state(), waiting).expect("nothing panics under this lock");
        let job = state.jobs.pop_front();
        self.room.add_permits(usize::from(job.is_some()));
        job
    }

    /// Takes a job that is there already.
    pub(super) fn try_pop(&self) -> Option<J> {
        let job = self.state().jobs.pop_front();
        self.room.add_permits(usize::from(job.is_some()));
        job
    }

    /// Takes no more; what is in it is still done.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.filled.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn jobs_leave_in_order_and_a_full_queue_waits() {
        let queue = Arc::new(Queue::new(2));
        queue.push(1).await.unwrap();
        queue.push(2).await.unwrap();
        let third = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.push(3).await }
        });
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        assert_eq!(queue.pop(), Some(1));
        third.await.unwrap().unwrap();
        assert_eq!((queue.pop(), queue.try_pop(), queue.try_pop()), (Some(2), Some(3), None));
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_and_takes_no_more() {
        let queue = Queue::new(2);
        queue.push(1).await.unwrap();
        queue.close();
        assert!(queue.push(2).await.is_err());
        assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
    }
}
