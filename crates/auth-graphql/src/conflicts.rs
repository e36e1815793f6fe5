//! Fields that cannot be merged, refused at the first one (GraphQL 5.3.2). The rule of async-graphql finds the same ones and
//! writes an error for each, for each argument and for each selection set around them: gigabytes for a body of a few
//! thousand bytes.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Positioned, ServerError};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Refuses a document in which one name stands for two fields, or for one with other arguments.
pub(crate) fn check(document: &ExecutableDocument) -> Result<(), ServerError> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    operations.chain(fragments).try_for_each(|set| every_set(set, &document.fragments))
}

fn every_set(set: &Positioned<SelectionSet>, fragments: &Fragments) -> Result<(), ServerError> {
    Merged { fragments, outputs: HashMap::new(), visited: HashSet::new() }.add(None, set)?;
    set.node.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) => every_set(&field.node.selection_set, fragments),
        Selection::InlineFragment(fragment) => every_set(&fragment.node.selection_set, fragments),
        Selection::FragmentSpread(_) => Ok(()),
    })
}

/// What one selection set asks for, fragments written out, by type and name.
struct Merged<'a> {
    fragments: &'a Fragments,
    outputs: HashMap<(Option<&'a str>, &'a str), &'a Field>,
    visited: HashSet<&'a str>,
}

impl<'a> Merged<'a> {
    fn add(&mut self, on: Option<&'a str>, set: &'a Positioned<SelectionSet>) -> Result<(), ServerError> {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.response_key().node.as_str();
                    let first = *self.outputs.entry((on, name)).or_insert(&field.node);
                    if first.name.node != field.node.name.node || !same_arguments(first, &field.node) {
                        let message = "Two fields of one name conflict: give one of them an alias.";
                        return Err(ServerError::new(message, Some(field.pos)));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    self.add(on, &fragment.node.selection_set)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.fragments.get(name)
                        && self.visited.insert(name)
                    {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.add(Some(on), &fragment.node.selection_set)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| other.get_argument(&name.node) == Some(value))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn one_name_is_one_field() {
        for (query, is_fine) in [
            ("{ a a }", true),
            ("{ x: a y: b }", true),
            ("{ a(n: 1) a(n: 1) }", true),
            ("{ ...on A { x: a } ...on B { x: b } }", true),
            ("{ a { x: b } b { x: c } }", true),
            ("{ x: a x: b }", false),
            ("{ a(n: 1) a(n: 2) }", false),
            ("{ a(n: 1) a }", false),
            ("{ ... { x: a } ... { x: b } }", false),
            ("{ a { x: b ...F } } fragment F on A { x: c x: d }", false),
            ("{ ...F ...G } fragment F on A { x: c } fragment G on A { x: d }", false),
            ("{ a } fragment F on A { x: c x: d }", false),
        ] {
            assert_eq!(check(&parse_query(query).expect("GraphQL")).is_ok(), is_fine, "{query}");
        }
    }
}
