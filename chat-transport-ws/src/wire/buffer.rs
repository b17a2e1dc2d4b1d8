//! Buffers: what is shown, as bytes, or only counted.

use std::io;

use serde::ser::{SerializeMap as _, Serializer};

use super::show::{Show, Shown};

/// Writes an object into a buffer: `put` writes its fields.
pub(crate) fn object(
    put: impl FnOnce(&mut <&mut Json<'_> as Serializer>::SerializeMap) -> serde_json::Result<()>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    write_object(&mut bytes, put).expect("a buffer takes everything, and keys are texts");
    bytes
}

type Json<'a> = serde_json::Serializer<&'a mut Vec<u8>>;

fn write_object(
    bytes: &mut Vec<u8>,
    put: impl FnOnce(&mut <&mut Json<'_> as Serializer>::SerializeMap) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::new(bytes);
    let mut map = serializer.serialize_map(None)?;
    put(&mut map)?;
    map.end()
}

/// How many bytes a value takes.
pub(crate) fn size(value: &impl Show) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, &Shown(value))
        .expect("a counter takes everything, and keys are texts");
    counter.0
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
