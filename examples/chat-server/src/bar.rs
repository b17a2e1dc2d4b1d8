//! How far a long command has come: a bar on a terminal, else now and then a line of the log.

use std::io::{IsTerminal as _, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chat_core::copy::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

/// Where there is no terminal a stage is told of when it begins, and then so often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How far something has come.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Step {
    stage: String,
    done: u64,
    total: Option<u64>,
}

impl From<Progress> for Step {
    fn from(Progress { stage, done, total, .. }: Progress) -> Self {
        Self { stage: stage.to_string(), done, total }
    }
}

/// Shows steps on standard error.
pub(crate) struct Bar {
    way: Way,
}

enum Way {
    Terminal(ProgressBar),
    Lines(Mutex<Option<Told>>),
}

/// The last line.
struct Told {
    stage: String,
    at: Instant,
}

impl Bar {
    /// A bar, or lines.
    pub(crate) fn new() -> Self {
        let way = if stderr().is_terminal() {
            Way::Terminal(ProgressBar::no_length())
        } else {
            Way::Lines(Mutex::default())
        };
        Self { way }
    }

    /// Shows it.
    pub(crate) fn show(&self, step: &Step) {
        match &self.way {
            Way::Terminal(bar) => draw(bar, step),
            Way::Lines(told) => {
                let mut told = told.lock().expect("nothing panics under this lock");
                let is_new = told.as_ref().is_none_or(|told| told.stage != step.stage);
                if is_new || told.as_ref().is_some_and(|told| told.at.elapsed() >= LINE_EVERY) {
                    *told = Some(Told { stage: step.stage.clone(), at: Instant::now() });
                    tracing::info!(stage = step.stage, done = step.done, total = step.total, "copying");
                }
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Way::Terminal(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, step: &Step) {
    if bar.message() != step.stage {
        let style = match step.total {
            Some(_) => "{msg:24} {wide_bar} {human_pos}/{human_len} {eta:>6}",
            None => "{msg:24} {spinner} {human_pos}",
        };
        bar.set_style(ProgressStyle::with_template(style).expect("a template of ours"));
        bar.set_message(step.stage.clone());
        bar.reset_eta();
    }
    match step.total {
        // A source in use may have got more.
        Some(total) => bar.set_length(total.max(step.done)),
        None => bar.unset_length(),
    }
    bar.set_position(step.done);
}
