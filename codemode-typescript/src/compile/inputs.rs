//! Literal inputs of calls that no run can make right: read from the program as JSON with holes where it computes.
//!
//! A call inside `try`, or with its failure caught, is left alone: there the program means to deal with it.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    ArrayExpressionElement, CallExpression, Expression, ObjectPropertyKind, PropertyKey, TemplateLiteral, UnaryOperator,
};
use oxc::span::{GetSpan, Span};
use serde_json::{Map, Number, Value};

use super::analysis::Analysis;
use super::diagnostic::{DiagnosticKind, Reporter};
use super::options::{CompileOptions, InputProblem, LiteralInput};
use super::parse::bare;
use crate::names::PREFIX;

/// Checks the inputs of one program, as much of them as is worth it: what is left is checked when it runs.
pub(super) struct Inputs {
    /// What may still be spent; see [`BUDGET`].
    left: usize,
    /// The program deals with the failures of all calls before this offset that are not yet visited.
    handled_to: u32,
}

impl Inputs {
    pub fn new() -> Self {
        Self { left: BUDGET, handled_to: 0 }
    }

    /// Looks at one node; the nodes come in the order of the text, outer before inner.
    pub fn check<'a>(
        &mut self,
        kind: AstKind<'a>,
        analysis: &Analysis<'_, 'a>,
        options: &CompileOptions<'_>,
        reporter: &mut Reporter<'_>,
    ) {
        if let AstKind::CallExpression(call) = kind
            && call.span.start >= self.handled_to
            && self.left > 0
            && !reporter.is_full(DiagnosticKind::InvalidInput)
        {
            self.check_call(call, analysis, options, reporter);
        }
        if let Some(end) = handled_to(kind) {
            self.handled_to = self.handled_to.max(end);
        }
    }

    /// Refuses a call whose input can never be right.
    fn check_call<'a>(
        &mut self,
        call: &CallExpression<'a>,
        analysis: &Analysis<'_, 'a>,
        options: &CompileOptions<'_>,
        reporter: &mut Reporter<'_>,
    ) {
        let Expression::Identifier(name) = bare(&call.callee) else { return };
        if !name.name.starts_with(PREFIX) || !analysis.is_free(name) {
            return;
        }
        let mut reader = Reader { left: self.left.saturating_sub(CALL_COST), ..Reader::default() };
        let given = match call.arguments.first() {
            None => None,
            Some(argument) => match argument.as_expression() {
                Some(expression) if !is_undefined(expression) => {
                    reader.input.value = reader.value(expression, 0);
                    Some(reader.input)
                }
                _ => return,
            },
        };
        self.left = reader.left;
        let holes = given.as_ref().map_or(0, |input| input.computed.len() + input.open.len());
        if self.left == 0 || holes > MAX_HOLES {
            return;
        }
        let problems = (options.check_input)(&name.name, given.as_ref());
        let Some(first) = problems.first() else { return };
        let places = reader.places;
        let span = |problem: &InputProblem| {
            let nearest = places.iter().filter(|(pointer, _)| problem.pointer.starts_with(pointer.as_str()));
            nearest.max_by_key(|(pointer, _)| pointer.len()).map_or(name.span, |(_, span)| *span)
        };
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        let message = format!("invalid input for {}: {}", name.name, messages.join("; "));
        let place = if given.is_some() { span(first) } else { name.span };
        let hint = (options.declaration)(&name.name);
        reporter.report(DiagnosticKind::InvalidInput, (place.start, place.end), message, hint);
    }
}

/// Where the part of a node ends in which the program deals with the failures of calls; it begins with the node.
fn handled_to(kind: AstKind<'_>) -> Option<u32> {
    match kind {
        AstKind::TryStatement(statement) => Some(statement.block.span.end),
        AstKind::StaticMemberExpression(member) => {
            matches!(member.property.name.as_str(), "catch" | "then").then_some(member.span.end)
        }
        AstKind::CallExpression(outer) => match bare(&outer.callee) {
            Expression::StaticMemberExpression(member) => {
                matches!(member.property.name.as_str(), "allSettled" | "any").then_some(outer.span.end)
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_undefined(expression: &Expression<'_>) -> bool {
    matches!(bare(expression), Expression::Identifier(name) if name.name == "undefined")
}

#[derive(Default)]
struct Reader {
    input: LiteralInput,
    /// Where in the program the places of the value stand.
    places: Vec<(String, Span)>,
    pointer: String,
    /// What may still be spent; nothing is read when it is 0.
    left: usize,
}

impl Reader {
    fn value(&mut self, expression: &Expression<'_>, depth: usize) -> Value {
        let expression = bare(expression);
        // Each place has its pointer written out, which repeats the keys around it.
        self.left = self.left.saturating_sub(1 + self.pointer.len() / 32);
        if self.left == 0 {
            return Value::Null;
        }
        self.places.push((self.pointer.clone(), expression.span()));
        match expression {
            _ if depth > MAX_DEPTH => self.computed(),
            Expression::NullLiteral(_) => Value::Null,
            Expression::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expression::NumericLiteral(literal) => self.number(literal.value),
            Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::UnaryNegation => {
                match bare(&unary.argument) {
                    Expression::NumericLiteral(literal) => self.number(-literal.value),
                    _ => self.computed(),
                }
            }
            Expression::StringLiteral(literal) if !literal.lone_surrogates => Value::from(literal.value.as_str()),
            Expression::TemplateLiteral(template) => match plain_text(template) {
                Some(text) => Value::from(text),
                None => self.computed(),
            },
            Expression::ArrayExpression(array) => {
                let mut items = Vec::new();
                for element in &array.elements {
                    match element {
                        ArrayExpressionElement::SpreadElement(_) | ArrayExpressionElement::Elision(_) => {
                            self.input.open.push(self.pointer.clone());
                            // What follows has no certain place.
                            break;
                        }
                        _ => {
                            let Some(expression) = element.as_expression() else { break };
                            let value = self.inside(&items.len().to_string(), expression, depth);
                            items.push(value);
                        }
                    }
                }
                Value::Array(items)
            }
            Expression::ObjectExpression(object) => {
                let mut members = Map::new();
                for property in &object.properties {
                    let ObjectPropertyKind::ObjectProperty(property) = property else {
                        self.input.open.push(self.pointer.clone());
                        continue;
                    };
                    let key = match &property.key {
                        PropertyKey::StaticIdentifier(name) if !property.computed => name.name.as_str(),
                        PropertyKey::StringLiteral(literal) if !literal.lone_surrogates => literal.value.as_str(),
                        _ => {
                            self.input.open.push(self.pointer.clone());
                            continue;
                        }
                    };
                    // `undefined` leaves a property out; `__proto__: x` does not make one.
                    if is_undefined(&property.value) {
                        members.remove(key);
                    } else if property.method || key == "__proto__" || key == "toJSON" {
                        self.input.computed.push(self.pointer.clone());
                    } else {
                        let value = self.inside(key, &property.value, depth);
                        members.insert(key.to_owned(), value);
                    }
                }
                Value::Object(members)
            }
            _ => self.computed(),
        }
    }

    fn inside(&mut self, key: &str, expression: &Expression<'_>, depth: usize) -> Value {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        let value = self.value(expression, depth + 1);
        self.pointer.truncate(length);
        value
    }

    fn number(&mut self, number: f64) -> Value {
        // As the program's own JSON has it: whole numbers without a point.
        if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
            return Value::from(number as i64);
        }
        Number::from_f64(number).map_or_else(|| self.computed(), Value::Number)
    }

    fn computed(&mut self) -> Value {
        self.input.computed.push(self.pointer.clone());
        Value::Null
    }
}

fn plain_text(template: &TemplateLiteral<'_>) -> Option<String> {
    match template.quasis.as_slice() {
        [only] if !only.lone_surrogates => only.value.cooked.as_ref().map(|text| text.as_str().to_owned()),
        _ => None,
    }
}

/// What the inputs of one program may cost: values, with their pointers, and calls.
const BUDGET: usize = 20_000;

/// A check costs about as much as so many values.
const CALL_COST: usize = 8;

/// With more computed parts an input is left to run time: each mistake is compared with each of them.
const MAX_HOLES: usize = 200;

/// Deeper places count as computed, which also bounds the recursion.
const MAX_DEPTH: usize = 24;
