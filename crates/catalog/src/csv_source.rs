//! Text files: sniffed, mapped, read line by line.

use crate::{
    Content, Error, Flaw, ImportRequest, Place, Progress, Result, Role, Stage,
    decimal::{self, Number},
    disk::io_at,
    error::excerpt,
    header::Header,
    judge::side,
    rows::{Intake, Raw},
    when::{Clock, Form},
};
use csv::ByteRecord;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// Bytes looked at before reading.
const HEAD: u64 = 65_536;
/// Lines looked at to tell numbers from text.
const SAMPLE: usize = 100;
/// Lines between calls of the progress callback.
const STRIDE: u64 = 8192;

/// What is known of a source once it is read.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) header: Header,
    pub(crate) time_form: String,
    /// Times carried no offset: the request's zone gave it.
    pub(crate) local: bool,
    pub(crate) delimiter: Option<char>,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// The text stops in the middle of a line.
    pub(crate) unfinished: bool,
}

/// How a text file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) delimiter: u8,
}

/// The first bytes of a file.
pub(crate) fn head(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(io_at("open", path))?;
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).map_err(io_at("read", path))?;
    Ok(head)
}

/// Refuses what is no UTF-8 text; finds the delimiter.
pub(crate) fn sniff(path: &Path, head: &[u8]) -> Result<Layout> {
    let flaw = |flaw| Err(Place::file(path).is(flaw));
    let packed: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "compressed (gzip)"),
        (b"PK\x03\x04", "an archive (zip or a spreadsheet)"),
        (b"\x28\xb5\x2f\xfd", "compressed (zstd)"),
        (b"BZh", "compressed (bzip2)"),
        (b"%PDF", "a PDF"),
    ];
    if let Some((_, kind)) = packed.iter().find(|(magic, _)| head.starts_with(magic)) {
        return flaw(Flaw::Packed { kind });
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return flaw(Flaw::Utf16);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if text.iter().all(u8::is_ascii_whitespace) {
        return flaw(Flaw::Empty);
    }
    if let Some(zero) = text.iter().position(|b| *b == 0) {
        // Every other byte of plain UTF-16 text is zero.
        let wide = text.iter().take(64).filter(|b| **b == 0).count() >= 8 || zero <= 1;
        return flaw(if wide { Flaw::Utf16 } else { Flaw::ZeroByte });
    }
    let line = text.split(|b| *b == b'\n').find(|l| !l.trim_ascii().is_empty()).unwrap_or(text);
    let count = |delimiter: u8| {
        let mut quoted = false;
        let outside = line.iter().filter(|b| {
            quoted ^= **b == b'"';
            **b == delimiter && !quoted
        });
        outside.count()
    };
    // The comma wins a tie.
    let most = [b'|', b'\t', b';', b','].into_iter().max_by_key(|d| count(*d));
    Ok(Layout { delimiter: most.unwrap_or(b',') })
}

/// Counts, hashes and guards what is read.
pub(crate) struct Guarded {
    file: File,
    hash: Sha256,
    bytes: u64,
    /// Complete lines.
    lines: u64,
    /// Bytes since the last line feed.
    run: usize,
    /// A quotation mark is open: closed on its own line, or the rest of the file is one field.
    open_quote: bool,
    run_max: usize,
    last: u8,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        let fresh = buffer.get(..n).unwrap_or(&[]);
        self.hash.update(fresh);
        self.bytes += n as u64;
        for piece in fresh.split_inclusive(|b| *b == b'\n') {
            self.run += piece.len();
            if self.run > self.run_max {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            self.open_quote = piece.iter().fold(self.open_quote, |open, b| open ^ (*b == b'"'));
            if piece.ends_with(b"\n") {
                if self.open_quote {
                    return Err(io::Error::from(io::ErrorKind::InvalidInput));
                }
                self.lines += 1;
                self.run = 0;
            }
        }
        self.last = fresh.last().copied().unwrap_or(self.last);
        Ok(n)
    }
}

/// Lines of a text file, each with its number.
pub(crate) struct Lines {
    path: PathBuf,
    reader: csv::Reader<Guarded>,
    pub(crate) record: ByteRecord,
    pub(crate) names: Vec<String>,
    line_bytes_max: usize,
}

impl Lines {
    /// Reads the header.
    pub(crate) fn open(path: &Path, layout: Layout, line_bytes_max: usize) -> Result<Self> {
        let file = File::open(path).map_err(io_at("open", path))?;
        let hash = Sha256::new();
        let guarded = Guarded {
            file,
            hash,
            bytes: 0,
            lines: 0,
            open_quote: false,
            run: 0,
            run_max: line_bytes_max,
            last: 0,
        };
        // A line ends at its line feed, so that line numbers hold; a carriage return is trimmed.
        let reader = csv::ReaderBuilder::new()
            .delimiter(layout.delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 18)
            .from_reader(guarded);
        let (record, names) = (ByteRecord::new(), Vec::new());
        let mut lines = Self { path: path.to_owned(), reader, record, names, line_bytes_max };
        if !lines.read()? {
            return Err(Place::file(path).is(Flaw::Empty));
        }
        let name = |cell: &[u8]| String::from_utf8_lossy(cell.trim_ascii()).into_owned();
        lines.names = lines.record.iter().map(name).collect();
        if let Some(first) = lines.names.first_mut()
            && let Some(rest) = first.strip_prefix('\u{feff}')
        {
            *first = rest.trim_matches('"').to_owned();
        }
        let data =
            |name: &String| matches!(decimal::parse(name.as_bytes(), b'.'), Number::Value(_));
        if lines.names.iter().any(data) {
            return Err(Place::line(path, 1).is(Flaw::NoHeader));
        }
        Ok(lines)
    }

    /// The next line with anything on it; `false` at the end.
    pub(crate) fn next(&mut self) -> Result<bool> {
        if !self.read()? {
            return Ok(false);
        }
        let (found, expected) = (self.record.len(), self.names.len());
        if found != expected {
            let line = self.line();
            let last = !self.read()?;
            return Err(Place::line(&self.path, line).is(Flaw::Ragged { found, expected, last }));
        }
        Ok(true)
    }

    fn read(&mut self) -> Result<bool> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(false) => return Ok(false),
                Ok(true) => {}
                Err(error) => return Err(self.fault(error)),
            }
            if let Err(error) = std::str::from_utf8(self.record.as_slice()) {
                let byte = self.record.as_slice().get(error.valid_up_to()).copied();
                let byte = byte.unwrap_or_default();
                let flaw = if byte == 0 { Flaw::ZeroByte } else { Flaw::NotUtf8 { byte } };
                return Err(Place::line(&self.path, self.line()).is(flaw));
            }
            let blank = self.record.len() == 1 && self.record.as_slice().trim_ascii().is_empty();
            if !blank || self.names.len() == 1 {
                return Ok(true);
            }
        }
    }

    fn fault(&self, error: csv::Error) -> Error {
        match error.into_kind() {
            csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
                let limit = self.line_bytes_max as u64;
                let place = Place::line(&self.path, self.reader.get_ref().lines + 1);
                place.is(Flaw::Limit { what: "bytes in one line", limit })
            }
            csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::InvalidInput => {
                Place::line(&self.path, self.reader.get_ref().lines + 1).is(Flaw::OpenQuote)
            }
            csv::ErrorKind::Io(e) => io_at("read", &self.path)(e),
            other => io_at("read", &self.path)(io::Error::other(format!("{other:?}"))),
        }
    }

    /// The number of the line last read.
    pub(crate) fn line(&self) -> u64 {
        // Past its line feed the reader is already on the next line.
        let here = self.reader.position().line();
        if self.unfinished() { here } else { here - 1 }
    }

    /// Everything is read and it did not end with a line feed.
    fn unfinished(&self) -> bool {
        let guarded = self.reader.get_ref();
        self.reader.position().byte() == guarded.bytes && guarded.last != b'\n'
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn cell(&self, column: usize) -> &[u8] {
        self.record.get(column).unwrap_or(b"").trim_ascii()
    }

    /// An error at a cell of the line last read.
    pub(crate) fn at(&self, column: usize, flaw: Flaw) -> Error {
        let name = self.names.get(column).map_or("", String::as_str);
        Place::cell(&self.path, self.line(), name).is(flaw)
    }
}

/// Looks at the first lines: which columns are numbers, and is the decimal point a comma?
fn sample(path: &Path, layout: Layout, line_bytes_max: usize) -> Result<(Vec<bool>, u8)> {
    let mut lines = Lines::open(path, layout, line_bytes_max)?;
    let columns = lines.names.len();
    let mut seen = vec![(0_u32, 0_u32, 0_u32); columns];
    for _ in 0..SAMPLE {
        if !lines.next()? {
            break;
        }
        for (i, (point, comma, text)) in seen.iter_mut().enumerate() {
            let cell = lines.cell(i);
            match (decimal::parse(cell, b'.'), decimal::parse(cell, b',')) {
                (Number::Missing, _) => {}
                (Number::Value(_), _) => *point += 1,
                (_, Number::Value(_)) if layout.delimiter != b',' => *comma += 1,
                (Number::NotFinite, _) => {}
                _ => *text += 1,
            }
        }
    }
    let numeric = seen.iter().map(|(point, comma, text)| *text == 0 && point + comma > 0).collect();
    let commas = seen.iter().any(|(_, comma, text)| *text == 0 && *comma > 0);
    Ok((numeric, if commas { b',' } else { b'.' }))
}

/// Columns by what they are for.
struct Plan {
    time: usize,
    symbol: Option<usize>,
    prices: [Option<usize>; 4],
    volume: Option<usize>,
    /// Of trades.
    side: Option<usize>,
    extra: Vec<usize>,
    point: u8,
}

impl Plan {
    fn of(header: &Header, content: Content, point: u8) -> Self {
        let is_bar = content == Content::Bars;
        let [open, high, low, close] =
            content.figures().map(|role| role.and_then(|role| header.column(&role)));
        let (low, side) = if content == Content::Trades { (None, low) } else { (low, None) };
        let extra = header.extra().into_iter().filter(|_| is_bar);
        Self {
            time: header.column(&Role::Time).unwrap_or(0),
            symbol: header.column(&Role::Symbol),
            prices: [open, high, low, close],
            side,
            volume: header.column(&Role::Volume).filter(|_| is_bar),
            extra: extra.map(|(column, _)| column).collect(),
            point,
        }
    }

    /// The number in a cell; what is none is an error at its place.
    fn number(&self, lines: &Lines, column: Option<usize>) -> Result<Number> {
        let Some(column) = column else { return Ok(Number::Missing) };
        let cell = lines.cell(column);
        let text = || excerpt(&String::from_utf8_lossy(cell));
        match decimal::parse(cell, self.point) {
            Number::Malformed => Err(lines.at(column, Flaw::Number { text: text() })),
            Number::TooLarge => Err(lines.at(column, Flaw::TooLarge { text: text() })),
            number => Ok(number),
        }
    }

    fn float(&self, lines: &Lines, column: usize) -> Result<f64> {
        let cell = lines.cell(column);
        if decimal::is_missing(cell) {
            return Ok(f64::NAN);
        }
        let text = std::str::from_utf8(cell).unwrap_or("");
        let text = if self.point == b',' { text.replace(',', ".") } else { text.to_owned() };
        text.parse().map_err(|_| lines.at(column, Flaw::Number { text: excerpt(&text) }))
    }
}

/// Reads a whole text file into `intake`, which `start` makes once the columns are known.
pub(crate) fn read<'r>(
    request: &'r ImportRequest,
    head: &[u8],
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    start: &mut dyn FnMut(&Header) -> Intake<'r>,
) -> Result<(Facts, Intake<'r>)> {
    let (path, limits) = (request.source.as_path(), &request.limits);
    let layout = sniff(path, head)?;
    let (numeric, point) = sample(path, layout, limits.line_bytes_max)?;
    let mut lines = Lines::open(path, layout, limits.line_bytes_max)?;
    let wanted = (request.content, &request.mapping);
    let header = Header::map(path, (&lines.names, &numeric), wanted, limits)?;
    let plan = Plan::of(&header, request.content, point);
    let mut intake = start(&header);
    let total = std::fs::metadata(path).map_err(io_at("read", path))?.len();
    let (mut clock, mut extra, mut rows) = (None, vec![0.0; plan.extra.len()], 0_u64);
    while lines.next()? {
        if rows.is_multiple_of(STRIDE) {
            let done = lines.reader.get_ref().bytes;
            let report = Progress { stage: Stage::Reading, done, total, rows };
            if progress(report).is_break() {
                return Err(Error::Cancelled);
            }
        }
        rows += 1;
        row(&lines, &plan, (&mut clock, &request.zone), &mut extra, &mut intake)?;
    }
    let Some(clock) = clock else { return Err(Place::file(path).is(Flaw::HeaderOnly)) };
    let unfinished = lines.unfinished();
    let guarded = lines.reader.into_inner();
    let facts = Facts {
        header,
        time_form: clock.form().to_string(),
        local: clock.form() == Form::Local,
        delimiter: Some(char::from(layout.delimiter)),
        bytes: guarded.bytes,
        sha256: hex::encode(guarded.hash.finalize()),
        unfinished,
    };
    Ok((facts, intake))
}

fn row(
    lines: &Lines,
    plan: &Plan,
    (clock, zone): (&mut Option<Clock>, &crate::TimeZone),
    extra: &mut [f64],
    intake: &mut Intake<'_>,
) -> Result<()> {
    let at = |flaw| lines.at(plan.time, flaw);
    let cell = lines.cell(plan.time);
    if clock.is_none() {
        let first = String::from_utf8_lossy(cell);
        *clock = Some(Clock::of(&first, zone).map_err(at)?);
    }
    let Some(clock) = clock.as_mut() else { return Ok(()) };
    let time = clock.read(cell).map_err(at)?;
    for (value, column) in extra.iter_mut().zip(&plan.extra) {
        *value = plan.float(lines, *column)?;
    }
    let mut prices = [Number::Missing; 4];
    for (price, column) in prices.iter_mut().zip(plan.prices) {
        *price = plan.number(lines, column)?;
    }
    if let (Some(column), [_, _, slot, _]) = (plan.side, &mut prices) {
        let cell = lines.cell(column);
        let text = || excerpt(&String::from_utf8_lossy(cell));
        *slot = side(cell).ok_or_else(|| lines.at(column, Flaw::Side { text: text() }))?;
    }
    let volume = plan.number(lines, plan.volume)?;
    let symbol = plan.symbol.map(|column| lines.cell(column));
    intake.push(&Raw { line: lines.line(), time, symbol, prices, volume, extra })
}
