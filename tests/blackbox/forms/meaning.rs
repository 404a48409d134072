//! What a value means, whatever its spelling.

/// What a value means, so that those which mean the same are equal; `None` where nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning(pub(super) Option<(i8, i128, Vec<u8>)>);

impl Meaning {
    pub(super) fn unknown() -> Self {
        Self(None)
    }

    pub(super) fn number(number: i128) -> Self {
        Self(Some((0, number, Vec::new())))
    }

    pub(super) fn past() -> Self {
        Self(Some((-1, 0, Vec::new())))
    }

    pub(super) fn future() -> Self {
        Self(Some((1, 0, Vec::new())))
    }

    pub(super) fn not_a_number() -> Self {
        Self(Some((2, 0, Vec::new())))
    }

    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self(Some((0, 0, bytes.to_vec())))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::bytes(text.as_bytes())
    }

    pub(super) fn double(double: f64) -> Self {
        if double.is_nan() {
            return Self::not_a_number();
        }
        // The bits of doubles are in their order; those below zero the other way round.
        let bits = (double + 0.0).to_bits().cast_signed();
        Self::number(i128::from(if bits < 0 { i64::MIN - bits } else { bits }))
    }

    /// An exact decimal, its digits behind the point to the twelfth.
    pub(super) fn decimal(trillionths: i128) -> Self {
        Self::number(trillionths)
    }

    pub(super) fn decimal_text(text: &str) -> Self {
        match text {
            "NaN" => return Self::not_a_number(),
            "Infinity" => return Self::future(),
            "-Infinity" => return Self::past(),
            "1e3" => return Self::decimal_text("1000"),
            _ => {}
        }
        let unsigned = text.trim_start_matches(['-', '+']);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let size: i128 = format!("{whole}{fraction:0<12}").parse().expect("digits");
        Self::decimal(if text.starts_with('-') { -size } else { size })
    }
}
