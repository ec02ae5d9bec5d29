//! Makes an element equal to newly rendered markup, touching only what differs.
//!
//! What a person is doing survives: an element that stays keeps its node, and with it focus,
//! selection, scroll and everything typed (the browser does not let attributes override a value a
//! person has changed). So the rule is to find the same node again: by `id` among siblings, else
//! the next one of the same kind.

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlTemplateElement, Node};

use super::clock;

/// State the person set, not the server.
const OPEN: &str = "open";
/// Marks an element, with all in it, that belongs to the browser.
const KEEP: &str = "data-keep";
/// A sentence to announce when it changes.
const ANNOUNCE: &str = "data-announce";

/// One patch: the first line of `data` is an element's id, the rest its new markup; no markup
/// removes it. Returns the sentences to announce. A patch for an element this page does not show
/// is nothing to do.
pub(super) fn patch(document: &Document, data: &str) -> Vec<String> {
    let (id, markup) = data.split_once('\n').unwrap_or((data, ""));
    let Some(old) = document.get_element_by_id(id) else { return Vec::new() };
    let Ok(template) = document.create_element("template") else { return Vec::new() };
    // In a template markup is inert until it is placed, and a lone `<tr>` is allowed.
    let template: HtmlTemplateElement = template.unchecked_into();
    template.set_inner_html(markup);
    let Some(new) = template.content().first_element_child() else {
        old.remove();
        return Vec::new();
    };
    let active = document.active_element();
    let mut morph = Morph { document, active: active.as_ref(), said: Vec::new() };
    morph.node(&old, &new);
    morph.said
}

struct Morph<'a> {
    document: &'a Document,
    active: Option<&'a Element>,
    said: Vec<String>,
}

impl Morph<'_> {
    fn node(&mut self, old: &Node, new: &Node) {
        if old.is_equal_node(Some(new)) {
            return;
        }
        if old.node_name() != new.node_name() {
            if let Some(parent) = old.parent_node() {
                let _ = parent.replace_child(new, old);
            }
            return;
        }
        if old.node_type() != Node::ELEMENT_NODE {
            old.set_node_value(new.node_value().as_deref());
            return;
        }
        let (old, new): (&Element, &Element) = (old.unchecked_ref(), new.unchecked_ref());
        if old.has_attribute(KEEP) || is_same_time(old, new) {
            return;
        }
        let is_active = self.active == Some(old);
        self.attributes(old, new, is_active);
        // The text inside a focused text area is its default value; leave the caret alone.
        if !(is_active && old.node_name() == "TEXTAREA") {
            self.children(old, new);
        }
    }

    fn attributes(&mut self, old: &Element, new: &Element, is_active: bool) {
        let is_theirs = |name: &str| name == OPEN || (is_active && name == "value");
        for name in new.get_attribute_names().iter().filter_map(|name| name.as_string()) {
            let value = new.get_attribute(&name).unwrap_or_default();
            if !is_theirs(&name) && old.get_attribute(&name).as_deref() != Some(value.as_str()) {
                let _ = old.set_attribute(&name, &value);
                if name == ANNOUNCE && !value.is_empty() {
                    self.said.push(value);
                }
            }
        }
        for name in old.get_attribute_names().iter().filter_map(|name| name.as_string()) {
            if !is_theirs(&name) && !new.has_attribute(&name) {
                let _ = old.remove_attribute(&name);
            }
        }
    }

    fn children(&mut self, old: &Node, new: &Node) {
        let mut cursor = old.first_child();
        let mut coming = new.first_child();
        while let Some(wanted) = coming {
            // Asked before `wanted` may move out of the template.
            coming = wanted.next_sibling();
            let Some(found) = self.find(old, cursor.clone(), &wanted) else {
                let _ = old.insert_before(&wanted, cursor.as_ref());
                continue;
            };
            if cursor.as_ref() == Some(&found) {
                cursor = found.next_sibling();
            } else if found.contains(self.active.map(|active| active.unchecked_ref())) {
                // Moving a node takes its focus away, so the others move: to the end, where they
                // are found again or removed.
                while let Some(other) = cursor.take().filter(|other| *other != found) {
                    cursor = other.next_sibling();
                    let _ = old.append_child(&other);
                }
                cursor = found.next_sibling();
            } else {
                let _ = old.insert_before(&found, cursor.as_ref());
            }
            self.node(&found, &wanted);
        }
        while let Some(gone) = cursor {
            cursor = gone.next_sibling();
            if !gone.dyn_ref::<Element>().is_some_and(|element| element.has_attribute(KEEP)) {
                let _ = old.remove_child(&gone);
            }
        }
    }

    fn find(&self, parent: &Node, mut from: Option<Node>, wanted: &Node) -> Option<Node> {
        let id = id_of(wanted);
        if !id.is_empty() {
            let found: Node = self.document.get_element_by_id(&id)?.into();
            return (found.parent_node().as_ref() == Some(parent)).then_some(found);
        }
        let name = wanted.node_name();
        while let Some(node) = from {
            if node.node_name() == name && id_of(&node).is_empty() {
                return Some(node);
            }
            from = node.next_sibling();
        }
        None
    }
}

fn id_of(node: &Node) -> String {
    node.dyn_ref::<Element>().map(Element::id).unwrap_or_default()
}

/// A `<time>` of the same instant already says its age; the server's exact text would make it blink.
fn is_same_time(old: &Element, new: &Element) -> bool {
    old.node_name() == "TIME"
        && clock::instant(old) == clock::instant(new)
        && ["data-ago", "data-countdown"]
            .iter()
            .all(|name| old.get_attribute(name) == new.get_attribute(name))
}
