//! Parts of pages that know the domain: from domain values to markup.
