//! Limits that are checked on the raw bytes, before anything is decoded or allocated.
//!
//! Decoding first and counting later would let a message of a megabyte become forty in memory. A
//! scan touches each byte at most once and keeps nothing but the nesting. Both encodings of a
//! message count alike.

/// How large a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// How deep objects and lists may be nested, the message itself counted.
    pub depth: usize,
    /// Values in one message, counting every object, list and scalar; names do not count.
    pub values: usize,
    /// Operations in one edit.
    pub ops: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: 64 * 1024, depth: 16, values: 10_000, ops: 500 }
    }
}

/// Why a scan stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overrun {
    /// Nested too deep.
    Depth,
    /// Too many values.
    Values,
    /// The bytes end within a value, or lie about a length.
    Truncated,
    /// Bytes after the message, or a byte that begins nothing.
    Malformed,
    /// Text that is not UTF-8.
    NotUtf8,
}

/// Scans JSON. Syntax is left to the decoder; only nesting and the number of values are checked.
/// For JSON that the decoder accepts, both are exact.
///
/// # Errors
/// If a limit is exceeded.
pub fn json(bytes: &[u8], limits: &Limits) -> Result<(), Overrun> {
    let mut depth = 0_usize;
    let mut values = 1_usize;
    // Whether the last thing seen opened an object or a list: what follows is its first value,
    // unless it closes again.
    let mut opened = false;
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ if opened => values += 1,
            b',' => values += 1,
            _ => {}
        }
        opened = matches!(byte, b'{' | b'[');
        if opened {
            depth += 1;
        } else if byte == b'"' {
            skip_text(&mut rest);
        }
        if depth > limits.depth {
            return Err(Overrun::Depth);
        }
        if values > limits.values {
            return Err(Overrun::Values);
        }
    }
    Ok(())
}

/// Passes over the rest of a text, up to its closing quotation mark.
fn skip_text(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(&byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(rest.next()),
            _ => {}
        }
    }
}

/// Scans MessagePack: exactly one value, no length that lies, text in UTF-8, nesting and number
/// within limits.
///
/// # Errors
/// If a limit is exceeded or the bytes are not one value.
pub fn msgpack(bytes: &[u8], limits: &Limits) -> Result<(), Overrun> {
    let mut reader = Reader { rest: bytes };
    // How many items, names included, are still to come at each level of nesting.
    let mut pending: Vec<u64> = vec![1];
    let mut values = 1_u64;
    while let Some(top) = pending.last_mut() {
        let Some(left) = top.checked_sub(1) else {
            pending.pop();
            continue;
        };
        *top = left;
        let Some(container) = reader.item()? else { continue };
        // An item takes at least one byte, so a larger number is a lie.
        if container.items() > reader.rest.len() as u64 {
            return Err(Overrun::Truncated);
        }
        values += container.values;
        if values > limits.values as u64 {
            return Err(Overrun::Values);
        }
        // The first level is the message, not a nesting.
        if pending.len() > limits.depth {
            return Err(Overrun::Depth);
        }
        pending.push(container.items());
    }
    if reader.rest.is_empty() { Ok(()) } else { Err(Overrun::Malformed) }
}

/// The header of a list or a map.
struct Container {
    values: u64,
    named: bool,
}

impl Container {
    fn list(values: u64) -> Self {
        Self { values, named: false }
    }

    fn map(values: u64) -> Self {
        Self { values, named: true }
    }

    fn items(&self) -> u64 {
        if self.named { self.values * 2 } else { self.values }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Passes over a scalar, or over the header of a container, which it returns.
    fn item(&mut self) -> Result<Option<Container>, Overrun> {
        let marker = self.uint(1)?;
        let body = match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
            0x80..=0x8f => return Ok(Some(Container::map(marker & 0x0f))),
            0x90..=0x9f => return Ok(Some(Container::list(marker & 0x0f))),
            0xa0..=0xbf => return self.text(marker & 0x1f),
            0xd9 => return self.sized_text(1),
            0xda => return self.sized_text(2),
            0xdb => return self.sized_text(4),
            0xc4 => self.uint(1)?,
            0xc5 => self.uint(2)?,
            0xc6 => self.uint(4)?,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            0xdc => return Ok(Some(Container::list(self.uint(2)?))),
            0xdd => return Ok(Some(Container::list(self.uint(4)?))),
            0xde => return Ok(Some(Container::map(self.uint(2)?))),
            0xdf => return Ok(Some(Container::map(self.uint(4)?))),
            // 0xc1 is never used; extension types are not part of the protocol.
            _ => return Err(Overrun::Malformed),
        };
        self.take(body)?;
        Ok(None)
    }

    fn sized_text(&mut self, width: u64) -> Result<Option<Container>, Overrun> {
        let length = self.uint(width)?;
        self.text(length)
    }

    fn text(&mut self, length: u64) -> Result<Option<Container>, Overrun> {
        let text = self.take(length)?;
        std::str::from_utf8(text).map_err(|_| Overrun::NotUtf8)?;
        Ok(None)
    }

    fn uint(&mut self, width: u64) -> Result<u64, Overrun> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn take(&mut self, bytes: u64) -> Result<&'a [u8], Overrun> {
        let bytes = usize::try_from(bytes).map_err(|_| Overrun::Truncated)?;
        let (head, rest) = self.rest.split_at_checked(bytes).ok_or(Overrun::Truncated)?;
        self.rest = rest;
        Ok(head)
    }
}
