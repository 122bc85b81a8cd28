use std::borrow::Cow;

use super::{Members, Value};

/// How deep values may be nested, the outermost object included.
const MAX_DEPTH: u8 = 127;

/// The error for a text that is not the JSON that is needed.
pub(crate) struct Malformed;

/// The text of a value that is parsed later. Its syntax was checked, but its objects may have repeated members, and its
/// strings lone surrogates.
pub(crate) struct Raw<'a>(pub(crate) &'a str);

/// Reads JSON from the beginning of a text to its end.
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// The index of the next byte that is read. Only ASCII characters are skipped one by one, so it is always that of a
    /// character.
    next: usize,
    /// How many more objects and lists may be open at once.
    depth: u8,
    /// Whether repeated members and lone surrogates are errors.
    is_strict: bool,
    /// Whether there are control characters, which may be between values, and not in strings. It is found out at once, since
    /// there are none in nearly all texts.
    has_controls: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // All bytes are looked at, without branches, so that the compiler can look at many at once.
        let has_control = |found: bool, byte: &u8| found | is_control(byte);
        Self {
            text,
            next: 0,
            depth: MAX_DEPTH,
            is_strict: true,
            has_controls: text.as_bytes().iter().fold(false, has_control),
        }
    }

    /// Checks that nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        self.peek().is_none().then_some(()).ok_or(Malformed)
    }

    /// Reads an object.
    pub(super) fn object(&mut self, members: &mut impl Members<'a>) -> Result<(), Malformed> {
        self.open(b'{')?;
        let mut unused: Vec<Cow<'a, str>> = Vec::new();
        // The member that comes next if they are in the order of the declaration: its name needs only a comparison.
        let mut expected = 0;
        let mut is_last = self.is_next(b'}');
        while !is_last {
            if members.read(expected, false, self)? {
                expected += 1;
            } else {
                let name = self.string()?;
                self.expect(b':')?;
                if let Some(index) = members.find(&name) {
                    members.read(index, true, self)?;
                    expected = index + 1;
                } else {
                    self.skip()?;
                    unused.push(name);
                }
            }
            is_last = self.is_end(b'}')?;
        }
        self.depth += 1;
        unused.sort_unstable();
        let mut pairs = unused.windows(2);
        let is_repeated = pairs.any(|pair| matches!(pair, [a, b] if a == b));
        if is_repeated && self.is_strict {
            return Err(Malformed);
        }
        Ok(())
    }

    /// Reads a list, whose elements are read by `element`.
    pub(super) fn list(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'[')?;
        let mut is_last = self.is_next(b']');
        while !is_last {
            element(self)?;
            is_last = self.is_end(b']')?;
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn value(&mut self) -> Result<Value<'a>, Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => {
                self.object(&mut NoMembers)?;
                Ok(Value::Object)
            }
            Some(b'[') => {
                let mut list = Vec::new();
                self.list(|reader| {
                    list.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Value::List(list))
            }
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(Malformed),
        }
    }

    /// Reads a value that is not used.
    fn skip(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'[') => self.list(Self::skip),
            _ => self.value().map(drop),
        }
    }

    /// Reads a value that is parsed later.
    pub(super) fn raw(&mut self) -> Result<Raw<'a>, Malformed> {
        self.peek();
        let start = self.next;
        let is_strict = std::mem::replace(&mut self.is_strict, false);
        self.skip()?;
        self.is_strict = is_strict;
        self.text.get(start..self.next).map(Raw).ok_or(Malformed)
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Malformed> {
        self.skip_text(word).then_some(value).ok_or(Malformed)
    }

    /// Reads a number (RFC 8259 §6). One that is too large for a floating-point number is an error.
    fn number(&mut self) -> Result<Value<'a>, Malformed> {
        let start = self.next;
        let is_negative = self.skip_byte(b'-');
        let first = self.next;
        let whole = self.digits()?;
        if self.next > first + 1 && self.text.as_bytes().get(first) == Some(&b'0') {
            return Err(Malformed);
        }
        let mut is_whole = true;
        if self.skip_byte(b'.') {
            is_whole = false;
            self.digits()?;
        }
        if self.skip_byte(b'e') || self.skip_byte(b'E') {
            is_whole = false;
            let _ = self.skip_byte(b'+') || self.skip_byte(b'-');
            self.digits()?;
        }
        match whole {
            Some(number) if is_whole && !is_negative => Ok(Value::Integer(number)),
            _ => {
                let text = self.text.get(start..self.next).unwrap_or_default();
                let number: f64 = text.parse().map_err(|_| Malformed)?;
                let number = number.is_finite().then_some(number);
                number.map(Value::Float).ok_or(Malformed)
            }
        }
    }

    /// Reads one or more digits, and returns their value if there are not too many for a `u64`.
    fn digits(&mut self) -> Result<Option<u64>, Malformed> {
        /// Every number of so many digits is less than 2^64.
        const MAX_DIGITS: usize = 19;
        let mut value = 0_u64;
        let mut count = 0;
        for byte in self.rest() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        }
        self.next += count;
        match count {
            0 => Err(Malformed),
            1..=MAX_DIGITS => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    /// Reads a string. Inlined, a string without escapes, which nearly all are, is not copied to and from the stack.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.expect(b'"')?;
        let plain = self.plain();
        match self.skip_byte(b'"') {
            true => Ok(Cow::Borrowed(plain)),
            false => self.rest_of_string(plain).map(Cow::Owned),
        }
    }

    /// Reads a string after the part that has no escapes.
    #[cold]
    fn rest_of_string(&mut self, plain: &str) -> Result<String, Malformed> {
        let mut text = plain.to_owned();
        while self.skip_byte(b'\\') {
            text.push(self.escape()?);
            text.push_str(self.plain());
        }
        // Another character that ends the plain part is a control character, or the end of the text.
        self.skip_byte(b'"').then_some(text).ok_or(Malformed)
    }

    /// Reads the characters of a string up to the next quotation mark, escape or control character.
    fn plain(&mut self) -> &'a str {
        let (start, rest) = (self.next, self.rest());
        let mut end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        if self.has_controls {
            let plain = rest.get(..end).unwrap_or_default();
            end = plain.iter().position(is_control).unwrap_or(end);
        }
        self.next += end;
        self.text.get(start..self.next).unwrap_or_default()
    }

    /// Reads an escape after its backslash (RFC 8259 §7).
    fn escape(&mut self) -> Result<char, Malformed> {
        let escaped = self.byte().ok_or(Malformed)?;
        self.next += 1;
        Ok(match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.code_unit()?;
                match self.character(unit) {
                    Some(character) => character,
                    None if self.is_strict => return Err(Malformed),
                    None => char::REPLACEMENT_CHARACTER,
                }
            }
            _ => return Err(Malformed),
        })
    }

    /// Returns the character of a UTF-16 code unit, and of the one after it if they are a pair of surrogates. Returns `None`
    /// for a lone surrogate.
    fn character(&mut self, unit: u32) -> Option<char> {
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        let rest = self.text.get(self.next..)?;
        let mut after = Self {
            text: rest.strip_prefix("\\u")?,
            next: 0,
            ..*self
        };
        let low = after.code_unit().ok()?;
        let low = (0xdc00..0xe000).contains(&low).then_some(low)?;
        self.next += "\\uXXXX".len();
        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
    }

    /// Reads four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32, Malformed> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit << 4 | digit.ok_or(Malformed)?;
            self.next += 1;
        }
        Ok(unit)
    }

    /// Skips the beginning of an object or a list.
    fn open(&mut self, bracket: u8) -> Result<(), Malformed> {
        self.expect(bracket)?;
        self.depth = self.depth.checked_sub(1).ok_or(Malformed)?;
        Ok(())
    }

    /// Skips white space, and the end of an object or a list, or the comma before its next part. Returns whether it is the end.
    fn is_end(&mut self, bracket: u8) -> Result<bool, Malformed> {
        let is_end = match self.peek() {
            Some(b',') => false,
            Some(byte) if byte == bracket => true,
            _ => return Err(Malformed),
        };
        self.next += 1;
        Ok(is_end)
    }

    /// Skips white space and this byte.
    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        self.is_next(byte).then_some(()).ok_or(Malformed)
    }

    /// Skips white space, and this byte if it is the next one.
    fn is_next(&mut self, byte: u8) -> bool {
        self.peek();
        self.skip_byte(byte)
    }

    /// Skips white space, and returns the next byte without reading it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.next += 1,
                other => return other,
            }
        }
    }

    /// Skips this text, which is ASCII, if it is next.
    #[inline]
    pub(crate) fn skip_text(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text.as_bytes());
        if is_next {
            self.next += text.len();
        }
        is_next
    }

    fn skip_byte(&mut self, byte: u8) -> bool {
        let is_next = self.byte() == Some(byte);
        self.next += usize::from(is_next);
        is_next
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.next).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.next..).unwrap_or_default()
    }
}

/// Returns whether a byte is a control character, which strings contain only as an escape (RFC 8259 §7).
const fn is_control(byte: &u8) -> bool {
    *byte < b' '
}

/// No member is used.
#[derive(Default)]
struct NoMembers;

impl<'a> Members<'a> for NoMembers {
    fn find(&mut self, _: &str) -> Option<usize> {
        None
    }

    fn read(&mut self, _: usize, _: bool, _: &mut Reader<'a>) -> Result<bool, Malformed> {
        Ok(false)
    }
}
