//! Literal inputs of calls that no run can make right: read from the program as JSON with holes where it computes.
//!
//! A call inside `try`, or with its failure caught, is left alone: there the program means to deal with it.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    ArrayExpressionElement, CallExpression, Expression, ObjectPropertyKind, PropertyKey, TemplateLiteral, UnaryOperator,
};
use oxc::semantic::NodeId;
use oxc::span::{GetSpan, Span};
use serde_json::{Map, Number, Value};

use super::analysis::Analysis;
use super::diagnostic::{DiagnosticKind, Reporter};
use super::options::{CompileOptions, InputProblem, LiteralInput};
use super::parse::bare;
use crate::names::PREFIX;

/// Refuses a call whose input can never be right.
pub(super) fn check<'a>(
    call: &CallExpression<'a>,
    id: NodeId,
    analysis: &Analysis<'_, 'a>,
    options: &CompileOptions<'_>,
    reporter: &mut Reporter<'_>,
) {
    let Expression::Identifier(name) = bare(&call.callee) else { return };
    if !name.name.starts_with(PREFIX) || !analysis.is_free(name) || is_handled(id, call.span, analysis) {
        return;
    }
    let mut reader = Reader::default();
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
    reporter.report(DiagnosticKind::InvalidInput, (place.start, place.end), message, (options.declaration)(&name.name));
}

/// Whether the program deals with the call's failure.
fn is_handled(id: NodeId, call: Span, analysis: &Analysis<'_, '_>) -> bool {
    let mut inner = call;
    analysis.nodes.ancestor_kinds(id).any(|kind| {
        let handled = match kind {
            AstKind::TryStatement(statement) => statement.block.span == inner,
            AstKind::StaticMemberExpression(member) => matches!(member.property.name.as_str(), "catch" | "then"),
            AstKind::CallExpression(outer) => {
                matches!(bare(&outer.callee), Expression::StaticMemberExpression(member)
                    if member.property.name == "allSettled" || member.property.name == "any")
            }
            _ => false,
        };
        inner = kind.span();
        handled
    })
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
}

impl Reader {
    fn value(&mut self, expression: &Expression<'_>, depth: usize) -> Value {
        let expression = bare(expression);
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

/// Deeper places count as computed, which also bounds the recursion.
const MAX_DEPTH: usize = 24;
