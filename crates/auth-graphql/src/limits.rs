//! How much one request may ask for, decided before it is validated: the rules of validation, too, follow fragments
//! wherever they lead, and thirty fragments that each name the next one twice are a thousand million fields.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned, ServerError};

use crate::operations::{LOGIN, OPERATIONS};

/// What a field of [`AuthMutation`](crate::AuthMutation) or [`AuthQuery`](crate::AuthQuery) counts as.
const OPERATION_COST: usize = 50;

/// How many arguments and directives of a field cost nothing. Each may be an error of its own, wherever it is written out.
const FREE_ARGUMENTS: usize = 10;

/// How many operations a document may have. One of them is executed, and validation looks at all.
const MOST_OPERATIONS: usize = 10;

/// How much one request may ask for, fragments written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep fields nest. 20: the usual introspection takes 15.
    pub depth: usize,
    /// How many fields there are; one of [`AuthMutation`](crate::AuthMutation) or [`AuthQuery`](crate::AuthQuery) counts
    /// as 50, since it may take a password hash or a few statements. Each argument of a field after the tenth counts as one. 500.
    pub complexity: usize,
    /// The longest body, in bytes. 16 KiB, as for every auth route.
    pub body: usize,
    /// Whether clients may ask what the schema has. They may.
    pub introspection: Introspection,
}

/// Whether clients may ask what the schema has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Introspection {
    /// `__schema` and `__type` are answered.
    #[default]
    Allowed,
    /// They are refused. Names are still guessed by asking for them.
    Refused,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 20,
            complexity: 500,
            body: auth_core::http::Route::BODY_LIMIT,
            introspection: Introspection::Allowed,
        }
    }
}

impl Limits {
    /// Refuses a document that asks for too much, in time that grows with its length alone.
    pub(crate) fn check(&self, document: &ExecutableDocument) -> Result<(), ServerError> {
        let mut scales = Scales { limits: self, fragments: &document.fragments, weighed: HashMap::new() };
        // Also those that nobody names: what follows the links between them must come to an end.
        for (name, fragment) in &document.fragments {
            if scales.fragment(name, 0)?.complexity > self.complexity {
                return Err(refused("The query is too complex.", fragment.pos));
            }
        }
        for (number, (_, operation)) in document.operations.iter().enumerate() {
            if number >= MOST_OPERATIONS {
                return Err(refused("There are too many operations.", operation.pos));
            }
            let weight = scales.selection(&operation.node.selection_set, 0)?;
            if weight.logins > 1 {
                return Err(refused("A request may contain `auth_login` once.", operation.pos));
            }
            if weight.depth > self.depth {
                return Err(refused("The query is nested too deep.", operation.pos));
            }
            if weight.complexity > self.complexity {
                return Err(refused("The query is too complex.", operation.pos));
            }
        }
        Ok(())
    }

    /// How often selections and fragments may be inside each other: what recurses after us goes as deep.
    const fn levels(&self) -> usize {
        self.depth.saturating_mul(2)
    }
}

/// What a selection asks for.
#[derive(Clone, Copy, Default)]
struct Weight {
    depth: usize,
    levels: usize,
    complexity: usize,
    logins: usize,
}

impl Weight {
    /// Both, beside each other.
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            complexity: self.complexity.saturating_add(other.complexity),
            logins: self.logins.saturating_add(other.logins),
        }
    }

    fn within(self, field: &Field) -> Self {
        let name = field.name.node.as_str();
        let cost = if OPERATIONS.contains(&name) { OPERATION_COST } else { 1 };
        let arguments = field.arguments.len().saturating_sub(FREE_ARGUMENTS);
        let weight = Self {
            depth: self.depth.saturating_add(1),
            complexity: self.complexity.saturating_add(cost).saturating_add(arguments),
            logins: self.logins.saturating_add(usize::from(name == LOGIN)),
            ..self
        };
        weight.with_directives(&field.directives)
    }

    fn with_directives(self, directives: &[Positioned<Directive>]) -> Self {
        let count: usize = directives.iter().map(|directive| 1 + directive.node.arguments.len()).sum();
        let cost = count.saturating_sub(FREE_ARGUMENTS);
        Self { complexity: self.complexity.saturating_add(cost), ..self }
    }
}

/// Weighs each fragment once.
struct Scales<'a> {
    limits: &'a Limits,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// `None` while it is on the scales.
    weighed: HashMap<&'a str, Option<Weight>>,
}

impl<'a> Scales<'a> {
    fn selection(&mut self, set: &'a Positioned<SelectionSet>, level: usize) -> Result<Weight, ServerError> {
        let mut weight = Weight::default();
        for selection in &set.node.items {
            if level > self.limits.levels() {
                return Err(refused("The query is nested too deep.", selection.pos));
            }
            let inner = match &selection.node {
                Selection::Field(field) => {
                    self.may_be_asked(field)?;
                    self.selection(&field.node.selection_set, level + 1)?.within(&field.node)
                }
                Selection::InlineFragment(fragment) => {
                    let weight = self.selection(&fragment.node.selection_set, level + 1)?;
                    weight.with_directives(&fragment.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    // One that is not there would weigh nothing, and could be named any number of times.
                    let unknown = || refused("There is no such fragment.", selection.pos);
                    let (name, _) = self.fragments.get_key_value(name).ok_or_else(unknown)?;
                    self.fragment(name, level + 1)?.with_directives(&spread.node.directives)
                }
            };
            weight = weight.beside(inner);
        }
        weight.levels += 1;
        // Some of it may have been weighed before, on another level.
        if level + weight.levels > self.limits.levels() + 1 {
            return Err(refused("The query is nested too deep.", set.pos));
        }
        Ok(weight)
    }

    fn fragment(&mut self, name: &'a str, level: usize) -> Result<Weight, ServerError> {
        let Some(fragment) = self.fragments.get(name) else { return Ok(Weight::default()) };
        match self.weighed.insert(name, None) {
            None => {
                let weight = self.selection(&fragment.node.selection_set, level)?;
                self.weighed.insert(name, Some(weight));
                Ok(weight)
            }
            Some(Some(weight)) => {
                self.weighed.insert(name, Some(weight));
                Ok(weight)
            }
            Some(None) => Err(refused("A fragment contains itself.", fragment.pos)),
        }
    }

    fn may_be_asked(&self, field: &Positioned<Field>) -> Result<(), ServerError> {
        let asks = matches!(field.node.name.node.as_str(), "__schema" | "__type");
        if asks && self.limits.introspection == Introspection::Refused {
            return Err(refused("Introspection is off.", field.pos));
        }
        Ok(())
    }
}

fn refused(message: &str, position: Pos) -> ServerError {
    ServerError::new(message, Some(position))
}
