//! Limits that are checked on the raw bytes, before anything is decoded or allocated.
//!
//! Decoding first and counting later would let a message of a megabyte become forty in memory. A
//! scan touches each byte once and allocates nothing.

/// How large a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// How deep objects and lists may be nested.
    pub depth: usize,
    /// Values in one message, counting every object, list and member.
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
}

/// Scans JSON. Syntax is left to the decoder; only nesting and the number of values are checked.
///
/// # Errors
/// If a limit is exceeded.
pub fn json(bytes: &[u8], limits: &Limits) -> Result<(), Overrun> {
    let mut depth = 0_usize;
    let mut values = 1_usize;
    let mut in_text = false;
    let mut escaped = false;
    for &byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                values += 1;
                if depth > limits.depth {
                    return Err(Overrun::Depth);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if values > limits.values {
            return Err(Overrun::Values);
        }
    }
    Ok(())
}

/// Scans MessagePack: exactly one value, no length that lies, nesting and number within limits.
///
/// # Errors
/// If a limit is exceeded or the bytes are not one value.
pub fn msgpack(bytes: &[u8], limits: &Limits) -> Result<(), Overrun> {
    let mut reader = Reader { rest: bytes };
    // How many values are still to come at each level of nesting.
    let mut pending: Vec<u64> = vec![1];
    let mut values = 0_usize;
    while let Some(top) = pending.last_mut() {
        if *top == 0 {
            pending.pop();
            continue;
        }
        *top -= 1;
        values += 1;
        if values > limits.values {
            return Err(Overrun::Values);
        }
        if let Some(children) = reader.value()? {
            // A child takes at least one byte, so a larger number is a lie.
            if children > reader.rest.len() as u64 {
                return Err(Overrun::Truncated);
            }
            pending.push(children);
            // The first level is the message itself, not a nesting.
            if pending.len() - 1 > limits.depth {
                return Err(Overrun::Depth);
            }
        }
    }
    if reader.rest.is_empty() { Ok(()) } else { Err(Overrun::Malformed) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// Passes over one value's header and, if it is no container, its body; for a container returns
    /// how many values it holds.
    fn value(&mut self) -> Result<Option<u64>, Overrun> {
        let marker = self.uint(1)?;
        let body = match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
            0x80..=0x8f => return Ok(Some((marker & 0x0f) * 2)),
            0x90..=0x9f => return Ok(Some(marker & 0x0f)),
            0xa0..=0xbf => marker & 0x1f,
            0xc4 | 0xd9 => self.uint(1)?,
            0xc5 | 0xda => self.uint(2)?,
            0xc6 | 0xdb => self.uint(4)?,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            0xdc => return Ok(Some(self.uint(2)?)),
            0xdd => return Ok(Some(self.uint(4)?)),
            0xde => return Ok(Some(self.uint(2)? * 2)),
            0xdf => return Ok(Some(self.uint(4)? * 2)),
            // 0xc1 is never used; extension types are not part of the protocol.
            _ => return Err(Overrun::Malformed),
        };
        self.skip(body)?;
        Ok(None)
    }

    fn uint(&mut self, width: usize) -> Result<u64, Overrun> {
        let (head, rest) = self.rest.split_at_checked(width).ok_or(Overrun::Truncated)?;
        self.rest = rest;
        Ok(head.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Overrun> {
        let bytes = usize::try_from(bytes).map_err(|_| Overrun::Truncated)?;
        self.rest = self.rest.get(bytes..).ok_or(Overrun::Truncated)?;
        Ok(())
    }
}
