//! The conditions of analysis metrics, as far as metrics use them: comparisons of `result`,
//! `result[n]`, `len(result)` and `isNaN(result[n])` with numbers and texts, `&&`, `||`, `!`.
//!
//! An index past the end is an error, as upstream: an empty answer is no verdict.

/// What a metric's provider answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// An instant vector of a Prometheus query.
    Vector(Vec<f64>),
    /// One value of a web provider.
    Text(String),
    /// No answer at all, and why.
    Failure(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Number(f64),
    Text(String),
    Truth(bool),
    List(Vec<f64>),
}

/// Whether a condition holds for an answer; the error says why it cannot be told.
pub(crate) fn holds(condition: &str, answer: &Answer) -> Result<bool, String> {
    let result = match answer {
        Answer::Vector(values) => Item::List(values.clone()),
        Answer::Text(text) => Item::Text(text.clone()),
        Answer::Failure(why) => return Err(why.clone()),
    };
    let mut reader = Reader { tokens: tokens(condition)?, at: 0, result };
    let truth = reader.any(true)?;
    if reader.at < reader.tokens.len() {
        return Err(format!("unexpected {:?} in {condition:?}", reader.tokens[reader.at]));
    }
    Ok(truth)
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
    result: Item,
}

impl Reader {
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|token| token == word);
        self.at += usize::from(is_next);
        is_next
    }

    fn need(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) { Ok(()) } else { Err(format!("expected {word:?}")) }
    }

    // `is_live` is false on the side of `&&` and `||` that does not matter any more: it is read,
    // and what goes wrong while reading its values is forgiven.
    fn any(&mut self, is_live: bool) -> Result<bool, String> {
        let mut truth = self.all(is_live)?;
        while self.take("||") {
            let other = self.all(is_live && !truth)?;
            truth = truth || other;
        }
        Ok(truth)
    }

    fn all(&mut self, is_live: bool) -> Result<bool, String> {
        let mut truth = self.not(is_live)?;
        while self.take("&&") {
            let other = self.not(is_live && truth)?;
            truth = truth && other;
        }
        Ok(truth)
    }

    fn not(&mut self, is_live: bool) -> Result<bool, String> {
        if self.take("!") {
            return self.not(is_live).map(|truth| !truth);
        }
        self.comparison(is_live)
    }

    fn comparison(&mut self, is_live: bool) -> Result<bool, String> {
        let left = self.value(is_live)?;
        let signs = ["==", "!=", "<=", ">=", "<", ">"];
        let Some(sign) = signs.into_iter().find(|sign| self.take(sign)) else {
            return match left {
                Item::Truth(truth) => Ok(truth),
                _ if !is_live => Ok(false),
                other => Err(format!("{other:?} is neither true nor false")),
            };
        };
        let right = self.value(is_live)?;
        match (sign, &left, &right) {
            ("==", ..) => Ok(left == right),
            ("!=", ..) => Ok(left != right),
            (_, Item::Number(left), Item::Number(right)) => Ok(match sign {
                "<" => left < right,
                ">" => left > right,
                "<=" => left <= right,
                _ => left >= right,
            }),
            _ if !is_live => Ok(false),
            _ => Err(format!("{left:?} and {right:?} have no order")),
        }
    }

    fn value(&mut self, is_live: bool) -> Result<Item, String> {
        if self.take("(") {
            let truth = self.any(is_live)?;
            self.need(")")?;
            return Ok(Item::Truth(truth));
        }
        let token = self.tokens.get(self.at).cloned().ok_or("the condition ends too early")?;
        self.at += 1;
        match token.as_str() {
            "true" => Ok(Item::Truth(true)),
            "false" => Ok(Item::Truth(false)),
            "result" => self.element(is_live),
            "len" | "isNaN" | "isInf" => {
                self.need("(")?;
                let value = self.value(is_live)?;
                self.need(")")?;
                match (token.as_str(), value) {
                    ("len", Item::List(list)) => Ok(Item::Number(list.len() as f64)),
                    ("len", Item::Text(text)) => Ok(Item::Number(text.len() as f64)),
                    ("isNaN", Item::Number(number)) => Ok(Item::Truth(number.is_nan())),
                    ("isInf", Item::Number(number)) => Ok(Item::Truth(number.is_infinite())),
                    (name, other) => Err(format!("{name} of {other:?}")),
                }
            }
            text if text.starts_with(['"', '\'']) => {
                Ok(Item::Text(text[1..text.len() - 1].to_owned()))
            }
            number => number.parse().map(Item::Number).map_err(|_| format!("unknown {number:?}")),
        }
    }

    fn element(&mut self, is_live: bool) -> Result<Item, String> {
        if !self.take("[") {
            return Ok(self.result.clone());
        }
        let index = self.tokens.get(self.at).and_then(|token| token.parse::<usize>().ok());
        self.at += 1;
        self.need("]")?;
        let Item::List(list) = &self.result else { return Err("result is no list".to_owned()) };
        match index.and_then(|index| list.get(index)) {
            Some(value) => Ok(Item::Number(*value)),
            None if !is_live => Ok(Item::Number(f64::NAN)),
            None => Err(format!(
                "index out of range: {} (array length is {})",
                index.unwrap_or_default(),
                list.len()
            )),
        }
    }
}

fn tokens(condition: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = condition.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => rest[1..].find(first).map(|end| end + 2).ok_or("a text does not end")?,
            c if c.is_alphanumeric() || c == '.' || c == '-' => rest[1..]
                .find(|c: char| !c.is_alphanumeric() && c != '.')
                .map_or(rest.len(), |end| end + 1),
            _ if ["==", "!=", "<=", ">=", "&&", "||"].iter().any(|sign| rest.starts_with(sign)) => {
                2
            }
            '(' | ')' | '[' | ']' | '!' | '<' | '>' => 1,
            other => return Err(format!("unexpected {other:?} in {condition:?}")),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_upstream_reads_them() {
        let empty = Answer::Vector(vec![]);
        let some = Answer::Vector(vec![0.07]);
        let nan = Answer::Vector(vec![f64::NAN]);
        let text = Answer::Text("approved".to_owned());
        for (condition, answer, expected) in [
            ("len(result) == 0 || isNaN(result[0])", &empty, Ok(true)),
            ("len(result) > 0 && !isNaN(result[0])", &empty, Ok(false)),
            ("len(result) > 0 && !isNaN(result[0])", &nan, Ok(false)),
            ("len(result) > 0 && result[0] > 0.05", &some, Ok(true)),
            ("result[0] <= 0.05", &nan, Ok(false)),
            ("result[0] >= 1e-2", &some, Err(())),
            ("(result[0] < 0.1) && true", &some, Ok(true)),
            ("result == \"approved\"", &text, Ok(true)),
            ("false", &some, Ok(false)),
            ("result[0] > 1", &empty, Err(())),
            ("result >", &some, Err(())),
        ] {
            assert_eq!(holds(condition, answer).map_err(|_| ()), expected, "{condition}");
        }
    }
}
