//! Frames, pinned: every request, answer and event; every kind of bad input; and laws over arbitrary input.

mod bad_input;
mod golden;
mod laws;
mod pages;
mod samples;
mod speak;
