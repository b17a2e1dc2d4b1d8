//! The service of conversations, messages, and everything live.

use std::process::ExitCode;

use microservices_chat::Service;
use microservices_chat::start::run_one;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run_one(Service::Messages, "messages-service", "127.0.0.1:5003")
}
