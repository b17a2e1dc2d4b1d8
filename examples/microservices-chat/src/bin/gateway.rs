//! The gateway: one address for the services.

use std::process::ExitCode;

use clap::Parser as _;
use microservices_chat::gateway::{Flags, run};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(&Flags::parse())
}
