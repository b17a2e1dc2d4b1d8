//! All services in one process, with the gateway's addresses: for development.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    microservices_chat::start::run_all()
}
