//! What the OpenAPI document says of a route.

use super::{Row, Rule, problem::ProblemJson};
use http::{Method, StatusCode};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, HttpMethod, Info, License, OpenApi, OpenApiBuilder, Ref, RefOr,
        Required, ResponseBuilder, Schema, SecurityRequirement,
        path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

type Schemas = Vec<(String, RefOr<Schema>)>;

/// The words of one route.
pub struct Words {
    summary: &'static str,
    takes: Option<(&'static str, RefOr<Schema>)>,
    status: StatusCode,
    answers: Vec<(&'static str, Option<RefOr<Schema>>)>,
    query: Vec<(&'static str, &'static str)>,
    schemas: Schemas,
}

impl Words {
    /// A route that takes no body and answers 204 unless more is said.
    #[must_use]
    pub fn new(summary: &'static str) -> Self {
        Self {
            summary,
            takes: None,
            status: StatusCode::NO_CONTENT,
            answers: Vec::new(),
            query: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// Takes a JSON body.
    #[must_use]
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some(("application/json", T::schema()));
        T::schemas(&mut self.schemas);
        self
    }

    /// Answers 200 with JSON.
    #[must_use]
    pub fn json<T: ToSchema>(mut self) -> Self {
        self.status = StatusCode::OK;
        self.answers.push(("application/json", Some(T::schema())));
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

    /// Takes a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, what: &'static str) -> Self {
        self.query.push((name, what));
        self
    }

    /// As OpenAPI has it, with the schemas that it refers to.
    pub(super) fn operation(self, row: &Row) -> (HttpMethod, Operation, Schemas) {
        let Row { method, path, rule } = row;
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let mut operation = OperationBuilder::new()
            .summary(Some(self.summary))
            .operation_id(Some(id(method, path)));
        for name in variables(path) {
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text()));
            operation = operation.parameter(parameter);
        }
        for (name, what) in &self.query {
            let parameter = ParameterBuilder::new()
                .name(*name)
                .description(Some(*what))
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .schema(Some(text()));
            operation = operation.parameter(parameter);
        }
        if let Some((media, schema)) = self.takes {
            let body = RequestBodyBuilder::new()
                .content(media, Content::new(Some(schema)))
                .required(Some(Required::True))
                .build();
            operation = operation.request_body(Some(body));
        }
        let mut answer = ResponseBuilder::new().description("Done");
        for (media, schema) in self.answers {
            let schema = schema.unwrap_or_else(|| text().into());
            answer = answer.content(media, Content::new(Some(schema)));
        }
        operation = operation.response(self.status.as_str(), answer.build());
        let refusal = Content::new(Some(Ref::from_schema_name("Problem")));
        let refusal = ResponseBuilder::new()
            .description("A refusal")
            .content("application/problem+json", refusal);
        operation = operation.response("default", refusal.build());
        if matches!(rule, Rule::Needs(_)) {
            let cookie = SecurityRequirement::new("session", Vec::<String>::new());
            operation = operation.security(cookie);
        }
        (verb(method), operation.build(), self.schemas)
    }
}

/// The document without its paths.
pub(super) fn document() -> OpenApi {
    let mut info = Info::new("Stockade", env!("CARGO_PKG_VERSION"));
    info.description = Some("Research, backtest and trade on your own machine.".to_owned());
    info.license = Some(License::new("Apache-2.0"));
    let cookie = ApiKeyValue::new(super::cookies::Cookie::Access.name());
    let mut components = Components::new();
    components.schemas.insert("Problem".to_owned(), ProblemJson::schema());
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    OpenApiBuilder::new().info(info).components(Some(components)).build()
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
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
