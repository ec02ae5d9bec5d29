//! Shapes, told apart without colour. They are drawn once per document and used by name, so that a
//! row pays a few bytes for its shape.

use leptos::prelude::*;

/// A state's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Done, well.
    Disc,
    /// Under way.
    HalfDisc,
    /// Holds.
    Bars,
    /// Went wrong.
    Triangle,
    /// Not known.
    Ring,
}

impl Shape {
    fn href(self) -> &'static str {
        match self {
            Shape::Disc => "#disc",
            Shape::HalfDisc => "#half",
            Shape::Bars => "#bars",
            Shape::Triangle => "#triangle",
            Shape::Ring => "#ring",
        }
    }
}

/// The shape in the text's colour and size. It is decoration: a word stands beside it.
pub fn icon(shape: Shape) -> impl IntoView {
    view! { <svg aria-hidden="true"><use href=shape.href()></use></svg> }
}

/// The drawings, once per document, before the first use.
pub fn sprite() -> impl IntoView {
    view! {
        <svg class="sprite" aria-hidden="true">
            <symbol id="disc" viewBox="0 0 14 14"><circle cx="7" cy="7" r="6" fill="currentColor"></circle></symbol>
            <symbol id="half" viewBox="0 0 14 14">
                <circle cx="7" cy="7" r="5.2" fill="none" stroke="currentColor" stroke-width="1.6"></circle>
                <path d="M7 1.8a5.2 5.2 0 0 1 0 10.4z" fill="currentColor"></path>
            </symbol>
            <symbol id="bars" viewBox="0 0 14 14"><path d="M2.5 1.5h3v11h-3zM8.5 1.5h3v11h-3z" fill="currentColor"></path></symbol>
            <symbol id="triangle" viewBox="0 0 14 14"><path d="M7 1l6.4 11.6H.6z" fill="currentColor"></path></symbol>
            <symbol id="ring" viewBox="0 0 14 14">
                <circle cx="7" cy="7" r="5.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.4 2.2"></circle>
            </symbol>
        </svg>
    }
}

/// The product's mark: a signal and its box.
pub fn brand() -> impl IntoView {
    view! {
        <svg class="brand" viewBox="0 0 20 20" aria-hidden="true">
            <path class="brand__arm" d="M10 3h8v4.4h-8z"></path>
            <path d="M8.6 2h2.8v17H8.6z" fill="currentColor"></path>
            <circle cx="4.6" cy="13.4" r="2.6" fill="none" stroke="currentColor" stroke-width="1.8"></circle>
        </svg>
    }
}
