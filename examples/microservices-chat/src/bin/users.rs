//! The service of accounts and logins.

use std::process::ExitCode;

use microservices_chat::Service;
use microservices_chat::start::run_one;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run_one(Service::Users, "users-service", "127.0.0.1:5001")
}
