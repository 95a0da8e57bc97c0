//! Text into HTML, numbers into text.

/// A page that is being written.
#[derive(Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// Appends one line of markup.
    pub(crate) fn line(&mut self, markup: &str) {
        self.text.push_str(markup);
        self.text.push('\n');
    }

    /// Opens a section with its heading; the caller closes it by [`Page::end`].
    pub(crate) fn section(&mut self, id: &str, heading: &str, note: &str) {
        self.line(&format!("<section aria-labelledby=\"{id}\">"));
        self.line(&format!("<h2 id=\"{id}\">{}</h2>", escape(heading)));
        if !note.is_empty() {
            self.line(&format!("<p><font size=\"2\">{}</font></p>", escape(note)));
        }
    }

    /// Closes a section.
    pub(crate) fn end(&mut self) {
        self.line("</section>");
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Text as it may stand in an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A fraction as per cent with so many decimals: `-12.3%`, or a dash.
pub(crate) fn percent(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |v| format!("{}%", number_of(v * 100.0, decimals)))
}

/// A number with so many decimals, or a dash.
pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |v| number_of(v, decimals))
}

/// Rounded, with a real minus, without a minus before zero, thousands set apart.
fn number_of(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let zero = text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.'));
    let text = if zero { text.trim_start_matches('-').to_owned() } else { text };
    separated(&text)
}

/// A decimal string rounded to cents, thousands set apart.
pub(crate) fn grouped(money: &str) -> String {
    let Ok(amount) = market::Money::parse(money) else { return escape(money) };
    let cents = amount.scaled(100, market::Money::UNIT).map_or(amount.0, |cents| cents.0);
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    separated(&format!("{sign}{}.{:02}", cents / 100, cents % 100))
}

fn separated(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("\u{2212}", rest),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(Some(-0.12345), 1), "\u{2212}12.3%");
        assert_eq!((percent(Some(-0.0001), 1), percent(None, 1)), ("0.0%".into(), "–".into()));
        assert_eq!(number(Some(1_234_567.891), 2), "1,234,567.89");
        assert_eq!(
            (grouped("-1234.565"), grouped("999.9")),
            ("\u{2212}1,234.56".into(), "999.90".into())
        );
        assert_eq!(escape("<a href='\"&\"'>"), "&lt;a href=&#39;&quot;&amp;&quot;&#39;&gt;");
    }
}
