//! What a route says of itself: what it costs, takes and answers; the OpenAPI document has it too.

use super::{
    Cost, Row, Rule, Zone,
    intake::{FORM, Intake, JSON, Judge, TEXT},
    names,
    problem::ProblemJson,
    strict,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Components, Content, HttpMethod, Info, License, OpenApi, OpenApiBuilder, Ref, RefOr,
        Required, ResponseBuilder, Schema, SecurityRequirement,
        extensions::Extensions,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{AdditionalProperties, KnownFormat, ObjectBuilder, SchemaFormat, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

const HTML: &str = "text/html";

type Named = (String, RefOr<Schema>);
type Schemas = Vec<Named>;

/// The words of one route.
pub struct Words {
    cost: Cost,
    summary: &'static str,
    takes: Option<(String, &'static [&'static str], RefOr<Schema>)>,
    judge: Judge,
    bytes_max: Option<usize>,
    zone: Option<Zone>,
    status: StatusCode,
    answers: Vec<(&'static str, Option<Named>)>,
    query: Vec<Parameter>,
    schemas: Schemas,
}

impl Words {
    /// A route that takes no body and answers 204 unless more is said.
    #[must_use]
    pub fn new(cost: Cost, summary: &'static str) -> Self {
        Self {
            cost,
            summary,
            takes: None,
            judge: Judge::Door,
            bytes_max: None,
            zone: None,
            status: StatusCode::NO_CONTENT,
            answers: Vec::new(),
            query: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// Takes a JSON body.
    #[must_use]
    pub fn takes<T: ToSchema>(self) -> Self {
        self.takes_as::<T>(JSON)
    }

    /// Takes a JSON body under other names.
    #[must_use]
    pub fn takes_as<T: ToSchema>(mut self, media: &'static [&'static str]) -> Self {
        self.takes = Some((T::name().into_owned(), media, T::schema()));
        T::schemas(&mut self.schemas);
        self
    }

    /// Takes a JSON body as somebody signed it: its handler judges it.
    #[must_use]
    pub fn takes_signed<T: ToSchema>(mut self) -> Self {
        self.judge = Judge::Handler;
        self.takes::<T>()
    }

    /// Counts its calls by themselves, whoever makes them: what else an address asks for takes nothing from it.
    #[must_use]
    pub const fn counted_as(mut self, zone: Zone) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Takes a body of at most so many bytes; without this it is what everybody's, or what a
    /// signed-in person's may have.
    #[must_use]
    pub const fn at_most(mut self, bytes_max: usize) -> Self {
        self.bytes_max = Some(bytes_max);
        self
    }

    /// Answers 200 with JSON.
    #[must_use]
    pub fn json<T: ToSchema>(mut self) -> Self {
        self.status = StatusCode::OK;
        let name = named::<T>();
        self.answers.push(("application/json", Some((name, T::schema()))));
        T::schemas(&mut self.schemas);
        self
    }

    /// Answers 200 with something else.
    #[must_use]
    pub fn media(mut self, media: &'static str) -> Self {
        self.status = StatusCode::OK;
        self.answers.push((media, None));
        self
    }

    /// Answers with another status of success.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Takes what this type reads from the query, and nothing else.
    #[must_use]
    pub fn query<T: IntoParams>(mut self) -> Self {
        self.query = T::into_params(|| Some(ParameterIn::Query));
        self
    }

    /// The row that these words and a rule make.
    pub(super) fn row(&self, method: Method, path: &'static str, rule: Rule) -> Row {
        let mut intake = match self.takes {
            None => Intake::NOTHING,
            Some((_, media, _)) if matches!(rule, Rule::Open(_)) => Intake::open(media),
            Some((_, media, _)) => Intake::signed(media),
        };
        if let Some(bytes_max) = self.bytes_max {
            intake.bytes_max = bytes_max;
        }
        intake.judge = self.judge;
        intake.query = self.query.iter().map(|parameter| parameter.name.clone()).collect();
        let gives = |(media, schema): &(&str, Option<Named>)| match schema {
            Some((name, _)) => name.clone(),
            None => (*media).to_owned(),
        };
        Row {
            method,
            path,
            rule,
            cost: self.cost,
            zone: self.zone,
            summary: self.summary,
            intake,
            takes: self.takes.as_ref().map(|(name, _, _)| name.clone()),
            gives: self.answers.iter().map(gives).collect(),
        }
    }

    /// The operation of the document, and the schemas that it refers to.
    pub(super) fn operation(self, row: &Row) -> (HttpMethod, Operation, Schemas) {
        let mut operation = OperationBuilder::new()
            .summary(Some(self.summary))
            .operation_id(Some(id(&row.method, row.path)))
            .extensions(Some(extensions(row)));
        for parameter in variables(row.path).map(variable).chain(self.query) {
            operation = operation.parameter(parameter);
        }
        if let Some((_, media, schema)) = self.takes {
            let mut body = RequestBodyBuilder::new().required(Some(Required::True));
            // A request without a type is taken, too, where the protocol sends none.
            for media in media.iter().filter(|media| !media.is_empty()) {
                body = body.content(*media, Content::new(Some(schema.clone())));
            }
            operation = operation.request_body(Some(body.build()));
        }
        if row.takes.is_none() && matches!(row.method, Method::POST | Method::PUT) {
            let nothing = ObjectBuilder::new()
                .additional_properties(Some(AdditionalProperties::FreeForm(false)))
                .build();
            let content = Content::new(Some(RefOr::T(Schema::Object(nothing))));
            let body = RequestBodyBuilder::new().required(Some(Required::True));
            operation =
                operation.request_body(Some(body.content("application/json", content).build()));
        }
        let mut answer = ResponseBuilder::new().description("Done");
        // Whoever sends a form is a person with a browser, and reads why it was refused.
        let is_page =
            row.intake.media == FORM && self.answers.iter().any(|(media, _)| *media == HTML);
        for (media, schema) in self.answers {
            let schema = schema.map_or_else(|| unknown(media), |(_, schema)| schema);
            answer = answer.content(media, Content::new(Some(schema)));
        }
        operation = operation.response(self.status.as_str(), answer.build());
        for (status, what) in refusals(row) {
            let name = Ref::from_response_name(format!("Refusal{}", status.as_str()));
            let refusal = if is_page {
                refusal(what).content(HTML, Content::new(Some(unknown(HTML)))).build().into()
            } else {
                RefOr::<utoipa::openapi::Response>::Ref(name)
            };
            operation = operation.response(status.as_str(), refusal);
        }
        if row.rule.permission().is_some() {
            let cookie = SecurityRequirement::new("session", Vec::<String>::new());
            operation = operation.security(cookie);
        }
        if row.rule.suits_tokens() {
            let token = SecurityRequirement::new("token", Vec::<String>::new());
            operation = operation.security(token);
        }
        (verb(&row.method), operation.build(), self.schemas)
    }
}

/// A schema's name; a list has none of its own: it is one of things that do.
fn named<T: ToSchema>() -> String {
    let item = std::any::type_name::<T>().split_once("Vec<").map(|(_, item)| item);
    let item = item.and_then(|item| item.trim_end_matches('>').rsplit("::").next());
    item.map_or_else(|| T::name().into_owned(), |item| format!("list of {item}"))
}

/// What an answer without a schema of ours is: any JSON, or a text.
fn unknown(media: &str) -> RefOr<Schema> {
    let builder = ObjectBuilder::new();
    let is_json = media == "application/json" || media.ends_with("+json");
    let object = if is_json { builder } else { builder.schema_type(Type::String) };
    object.build().into()
}

/// The document without its paths.
pub(super) fn document() -> OpenApi {
    let mut info = Info::new("Stockade", env!("CARGO_PKG_VERSION"));
    info.description = Some("Research, backtest and trade on your own machine.".to_owned());
    info.license = Some(License::new("Apache-2.0"));
    let cookie = ApiKeyValue::with_description(
        super::cookies::Cookie::Access.name(),
        "Set by a sign-in. Each operation says in x-stockade-permission what it needs, and in \
         x-stockade-level how fresh the sign-in must be.",
    );
    let mut components = Components::new();
    components.schemas.insert("Problem".to_owned(), ProblemJson::schema());
    for (status, what) in REFUSALS {
        let refusal = refusal(what).build();
        components.responses.insert(format!("Refusal{}", status.as_str()), refusal.into());
    }
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An API token (stk_…) whose scope has the permission that the operation names.",
    ));
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

fn refusal(what: &str) -> ResponseBuilder {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(what).content("application/problem+json", content)
}

/// Why a request is refused, by status.
const REFUSALS: [(StatusCode, &str); 15] = [
    (StatusCode::BAD_REQUEST, "The query or the body is not what this takes"),
    (StatusCode::UNAUTHORIZED, "Nobody is signed in, or a proof is wrong"),
    (StatusCode::FORBIDDEN, "Not allowed: the permission, the level, or the page that asks"),
    (StatusCode::NOT_FOUND, "Nothing here, or nothing of one's own"),
    (StatusCode::METHOD_NOT_ALLOWED, "Another method; Allow says which"),
    (StatusCode::REQUEST_TIMEOUT, "The body took too long"),
    (StatusCode::CONFLICT, "It is not in the state that this asks for"),
    (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than x-stockade-body"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Another content type or encoding"),
    (StatusCode::MISDIRECTED_REQUEST, "Another host's name"),
    (StatusCode::UNPROCESSABLE_ENTITY, "Something in it is wrong; pointer says where"),
    (StatusCode::TOO_MANY_REQUESTS, "Too many; Retry-After says when"),
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many header lines"),
    (StatusCode::INTERNAL_SERVER_ERROR, "Our own fault"),
    (StatusCode::SERVICE_UNAVAILABLE, "It takes too long, or the database cannot take it"),
];

/// The refusals that a route can give.
fn refusals(row: &Row) -> impl Iterator<Item = (StatusCode, &'static str)> {
    let takes = row.takes.is_some();
    let signed = row.rule.permission().is_some();
    let fits = move |(status, _): &(StatusCode, &str)| match *status {
        StatusCode::REQUEST_TIMEOUT => takes,
        // A witness that has another size says so.
        StatusCode::CONFLICT => signed || row.intake.media == TEXT,
        _ => true,
    };
    REFUSALS.into_iter().filter(fits)
}

/// What no field of OpenAPI says of a route.
fn extensions(row: &Row) -> Extensions {
    let mut said = vec![
        ("x-stockade-cost".to_owned(), json!(row.cost.as_str())),
        ("x-stockade-weight".to_owned(), json!(row.cost.weight())),
        ("x-stockade-body".to_owned(), json!(row.intake.bytes_max)),
    ];
    if let Some(at_once) = row.cost.at_once() {
        let bounds = json!({ "all": at_once.all, "each": at_once.each });
        said.push(("x-stockade-at-once".to_owned(), bounds));
    }
    match row.rule {
        Rule::Open(reason) => said.push(("x-stockade-open".to_owned(), json!(reason))),
        Rule::Needs(permission) | Rule::Fresh(permission, _) => {
            said.push(("x-stockade-permission".to_owned(), json!(names::permission(permission))));
        }
    }
    if let Some(level) = row.rule.level() {
        said.push(("x-stockade-level".to_owned(), json!(names::level(level))));
    }
    said.into_iter().collect()
}

fn verb(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// `get_api_v1_strategies_id` for `GET /api/v1/strategies/{id}`.
fn id(method: &Method, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}_{}", method.as_str().to_ascii_lowercase(), words.join("_"))
}

/// The names in braces.
pub(super) fn variables(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parts.map(|name| name.trim_start_matches('*'))
}

fn variable(name: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let schema = match name {
        "id" | "handle" => text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
        "index" | "number" => ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)),
        _ => text,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(schema.build()))
        .build()
}

/// Adds the bounds that hold for every body (`strict`), and to each an example made from its schema.
pub(super) fn finish(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        bound(schemas);
    }
    if let Some(paths) = document.get_mut("paths") {
        bound(paths);
    }
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    let operations = paths.values_mut().filter_map(Value::as_object_mut);
    for operation in operations.flat_map(|item| item.values_mut()) {
        let bodies = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        for body in bodies.into_iter().flat_map(|media| media.values_mut()) {
            let example = body.get("schema").map(|schema| names::example("", schema, &schemas));
            if let (Some(body), Some(example)) = (body.as_object_mut(), example) {
                body.insert("example".to_owned(), example);
            }
        }
    }
}

/// Integers have a least and a greatest value, where nothing narrower is said.
fn bound(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_integer = match fields.get("type") {
                Some(Value::String(kind)) => kind == "integer",
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "integer"),
                _ => false,
            };
            if is_integer {
                let exact = json!(strict::EXACT_MAX);
                fields.entry("maximum").or_insert(exact);
                let least = i64::try_from(strict::EXACT_MAX).map_or(0, |greatest| -greatest);
                fields.entry("minimum").or_insert(json!(least));
            }
            fields.values_mut().for_each(bound);
        }
        Value::Array(items) => items.iter_mut().for_each(bound),
        _ => {}
    }
}
