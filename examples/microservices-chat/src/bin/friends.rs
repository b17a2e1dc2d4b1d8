//! The service of friendships and requests.

use std::process::ExitCode;

use microservices_chat::Service;
use microservices_chat::start::run_one;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run_one(Service::Friends, "friends-service", "127.0.0.1:5002")
}
