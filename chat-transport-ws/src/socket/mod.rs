//! The WebSocket.

mod frame;
