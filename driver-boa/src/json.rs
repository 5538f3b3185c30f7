//! `JSON.parse`. Boa's own compiles the text as a program: some fifty times slower, and it refuses lone surrogates and
//! more than 128 levels, so it would reject tool answers that other engines accept.

use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsStr, JsString, JsValue, object::builtins::JsArray,
    property::PropertyKey,
};

use crate::budget::Budget;

/// The value of a JSON text. Goes by a list of what is open, not by recursion: no text is too deep.
pub(crate) fn parse(text: &JsString, budget: &Budget, context: &mut Context) -> JsResult<JsValue> {
    let units = text.to_vec();
    let mut reader = Reader { units: &units, at: 0 };
    let mut open: Vec<Open> = Vec::new();
    loop {
        budget.reserve(0)?;
        let mut value = match reader.token()? {
            Token::Value(value) => value,
            Token::Begin(b'[') if reader.take(b']') => JsArray::new(context)?.into(),
            Token::Begin(b'[') => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            Token::Begin(_) => {
                let object = JsObject::with_object_proto(context.intrinsics());
                if reader.take(b'}') {
                    object.into()
                } else {
                    let key = reader.key()?;
                    open.push(Open::Object(object, key));
                    continue;
                }
            }
        };
        // Whatever ends with this value is the next value.
        loop {
            match open.pop() {
                None => return if reader.next_unit().is_none() { Ok(value) } else { Err(reader.unexpected()) },
                Some(Open::Array(mut items)) => {
                    items.push(value);
                    if reader.take(b',') {
                        open.push(Open::Array(items));
                        break;
                    }
                    reader.expect(b']')?;
                    value = JsArray::from_iter(items, context).into();
                }
                Some(Open::Object(object, key)) => {
                    object.create_data_property_or_throw(key, value, context)?;
                    if reader.take(b',') {
                        let key = reader.key()?;
                        open.push(Open::Object(object, key));
                        break;
                    }
                    reader.expect(b'}')?;
                    value = object.into();
                }
            }
        }
    }
}

enum Open {
    Array(Vec<JsValue>),
    Object(JsObject, PropertyKey),
}

enum Token {
    Value(JsValue),
    /// `[` or `{`
    Begin(u8),
}

struct Reader<'a> {
    units: &'a [u16],
    at: usize,
}

impl Reader<'_> {
    /// The next unit that is not white space, which stays.
    fn next_unit(&mut self) -> Option<u16> {
        while let Some(unit) = self.units.get(self.at) {
            if !matches!(unit, 9 | 10 | 13 | 32) {
                return Some(*unit);
            }
            self.at += 1;
        }
        None
    }

    fn take(&mut self, wanted: u8) -> bool {
        let is_next = self.next_unit() == Some(wanted.into());
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, wanted: u8) -> JsResult<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> JsError {
        let message = match self.units.get(self.at..self.at + 1) {
            Some(unit) => format!("unexpected {:?} in JSON at position {}", String::from_utf16_lossy(unit), self.at),
            None => "unexpected end of JSON input".to_owned(),
        };
        JsNativeError::syntax().with_message(message).into()
    }

    fn key(&mut self) -> JsResult<PropertyKey> {
        self.expect(b'"')?;
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key.into())
    }

    fn token(&mut self) -> JsResult<Token> {
        let first = self.next_unit().and_then(|unit| u8::try_from(unit).ok()).ok_or_else(|| self.unexpected())?;
        let value = match first {
            b'[' | b'{' => {
                self.at += 1;
                return Ok(Token::Begin(first));
            }
            b'"' => {
                self.at += 1;
                self.string()?.into()
            }
            b't' => self.word("true", JsValue::from(true))?,
            b'f' => self.word("false", JsValue::from(false))?,
            b'n' => self.word("null", JsValue::null())?,
            _ => self.number()?,
        };
        Ok(Token::Value(value))
    }

    fn word(&mut self, word: &str, value: JsValue) -> JsResult<JsValue> {
        for unit in word.encode_utf16() {
            if self.units.get(self.at) != Some(&unit) {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> JsResult<JsValue> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _signed = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        let text = String::from_utf16_lossy(&self.units[start..self.at]);
        let number: f64 = text.parse().map_err(|_| self.unexpected())?;
        let whole = number as i32;
        let is_whole = f64::from(whole) == number && (whole != 0 || number.is_sign_positive());
        Ok(if is_whole { JsValue::from(whole) } else { JsValue::from(number) })
    }

    fn skip(&mut self, unit: u8) -> bool {
        let is_next = self.units.get(self.at) == Some(&unit.into());
        self.at += usize::from(is_next);
        is_next
    }

    fn digits(&mut self) -> JsResult<()> {
        let start = self.at;
        while self.units.get(self.at).is_some_and(|unit| (48..58).contains(unit)) {
            self.at += 1;
        }
        if start == self.at { Err(self.unexpected()) } else { Ok(()) }
    }

    /// The rest of a string whose first quote is read.
    fn string(&mut self) -> JsResult<JsString> {
        let mut out: Vec<u16> = Vec::new();
        let mut from = self.at;
        loop {
            match self.units.get(self.at) {
                Some(0x22) => {
                    out.extend(&self.units[from..self.at]);
                    self.at += 1;
                    return Ok(narrow(&out));
                }
                Some(0x5c) => {
                    out.extend(&self.units[from..self.at]);
                    self.at += 1;
                    out.push(self.escape()?);
                    from = self.at;
                }
                Some(32..) => self.at += 1,
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn escape(&mut self) -> JsResult<u16> {
        let letter = self.units.get(self.at).and_then(|unit| u8::try_from(*unit).ok());
        let unit = match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => plain.into(),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => 10,
            Some(b'r') => 13,
            Some(b't') => 9,
            Some(b'u') => {
                let digits = self.units.get(self.at + 1..self.at + 5).map(String::from_utf16_lossy);
                let hex = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let unit = hex.and_then(|hex| u16::from_str_radix(&hex, 16).ok()).ok_or_else(|| self.unexpected())?;
                self.at += 4;
                unit
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(unit)
    }
}

/// A byte for each character where that is enough.
pub(crate) fn narrow(units: &[u16]) -> JsString {
    let bytes: Option<Vec<u8>> = units.iter().map(|unit| u8::try_from(*unit).ok()).collect();
    bytes.map_or_else(|| JsString::from(units), |bytes| JsString::from(JsStr::latin1(&bytes)))
}
