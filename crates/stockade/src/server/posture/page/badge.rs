//! A small picture of how the claims stand, for other pages.

use audit::posture::{Posture, State};

/// Pixels of a character in the badge's type, as good as a picture without fonts can know.
const CHARACTER: usize = 7;
const PADDING: usize = 10;

/// The picture.
#[must_use]
pub fn badge(posture: &Posture) -> String {
    let good = posture.rows.iter().filter(|row| row.state.is_good()).count();
    let bad = posture.count(State::NotMet);
    let rest = posture.rows.len().saturating_sub(good + bad);
    let said = format!("{good} with evidence, {bad} not met, {rest} not checked");
    // Green is for a server of which nothing is known to be missing.
    let colour = if bad == 0 { "#1a7f37" } else { "#9a3412" };
    let (left, right) = ("security", said.as_str());
    let widths = [left, right].map(|text| text.len() * CHARACTER + 2 * PADDING);
    let [first, second] = widths;
    let whole = first + second;
    let (one, two) = (first / 2, first + second / 2);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"22\" role=\"img\" \
         aria-label=\"{left}: {right}\">\n<title>{left}: {right}</title>\n\
         <rect width=\"{first}\" height=\"22\" fill=\"#24292f\"/>\n\
         <rect x=\"{first}\" width=\"{second}\" height=\"22\" fill=\"{colour}\"/>\n\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" \
         font-size=\"11\">\n<text x=\"{one}\" y=\"15\">{left}</text>\n\
         <text x=\"{two}\" y=\"15\">{right}</text>\n</g>\n</svg>\n"
    )
}
