//! [`HttpClient`]: the requests to a server over streamable HTTP. What a server answers is measured before anybody makes
//! values of it, which the SDK's own client does not.

use std::{collections::HashMap, error::Error, io, sync::Arc};

use codemode_core::too_many_values;
use futures_util::{StreamExt, stream, stream::BoxStream};
use http::{HeaderName, HeaderValue, StatusCode, header};
use reqwest::Response;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        AuthRequiredError, HttpStatusError, InsufficientScopeError, SseError, StreamableHttpClient,
        StreamableHttpError, StreamableHttpPostResponse,
    },
};
use sse_stream::{Sse, SseStream};
use tokio::task::spawn_blocking;

use super::stdio::MAX_MESSAGE_BYTES;
use crate::message_reader::{MAX_INLINE_BYTES, MAX_MEMORY, id_of};

/// A client whose clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(pub(super) reqwest::Client);

type Problem = StreamableHttpError<reqwest::Error>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

impl StreamableHttpClient for HttpClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Problem> {
        let mut request = self.0.post(&*uri).header(header::ACCEPT, "text/event-stream, application/json");
        if let Some(token) = auth_header {
            request = request.bearer_auth(token);
        }
        for (name, value) in custom_headers {
            if [SESSION_ID, "accept", "last-event-id"].contains(&name.as_str()) {
                return Err(Problem::ReservedHeaderConflict(name.to_string()));
            }
            request = request.header(name, value);
        }
        let in_session = session_id.is_some();
        if let Some(id) = session_id {
            request = request.header(SESSION_ID, &*id);
        }
        let response = request.json(&message).send().await.map_err(Problem::Client)?;
        answer(&message, in_session, response).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Problem> {
        self.0.delete_session(uri, session_id, auth_header, custom_headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Problem> {
        let events = self
            .0
            .get_stream_with_max_sse_event_size(
                uri,
                session_id,
                last_event_id,
                auth_header,
                custom_headers,
                MAX_MESSAGE_BYTES,
            )
            .await?;
        Ok(events.map(|event| event.map(|event| measured(event, None))).boxed())
    }
}

/// What a response to a message means.
async fn answer(
    message: &ClientJsonRpcMessage,
    in_session: bool,
    response: Response,
) -> Result<StreamableHttpPostResponse, Problem> {
    let status = response.status();
    let text =
        |name: HeaderName| response.headers().get(name).map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
    let (content_type, challenge) = (text(header::CONTENT_TYPE), text(header::WWW_AUTHENTICATE));
    let session_id = text(HeaderName::from_static(SESSION_ID));
    match (status, challenge) {
        (StatusCode::UNAUTHORIZED, Some(challenge)) => {
            return Err(Problem::AuthRequired(AuthRequiredError::new(challenge)));
        }
        (StatusCode::FORBIDDEN, Some(challenge)) => {
            return Err(Problem::InsufficientScope(InsufficientScopeError::new(challenge, None)));
        }
        (StatusCode::ACCEPTED | StatusCode::NO_CONTENT, _) => return Ok(StreamableHttpPostResponse::Accepted),
        (StatusCode::NOT_FOUND, _) if in_session => return Err(Problem::SessionExpired),
        _ => {}
    }
    let is = |kind: &str| content_type.as_deref().is_some_and(|it| it.starts_with(kind));
    let request = match message {
        JsonRpcMessage::Request(request) => Some(&request.id),
        _ => None,
    };
    if !status.is_success() {
        return refused(message, in_session, response, session_id, is("application/json")).await;
    }
    // Some say 200 where 202 is meant.
    if request.is_none() && response.content_length() == Some(0) {
        return Ok(StreamableHttpPostResponse::Accepted);
    }
    if is("text/event-stream") {
        return Ok(StreamableHttpPostResponse::Sse(events(response, request.cloned()), session_id));
    }
    if !is("application/json") {
        return Err(Problem::UnexpectedContentType(content_type));
    }
    let body = read(response, MAX_MESSAGE_BYTES).await?;
    if let Some(why) = too_many_values(&body, MAX_MEMORY) {
        return Ok(match request {
            Some(id) => StreamableHttpPostResponse::Json(unreadable(id.clone(), &why), session_id),
            None => StreamableHttpPostResponse::Accepted,
        });
    }
    match parsed(body).await? {
        Ok(answer) => Ok(StreamableHttpPostResponse::Json(answer, session_id)),
        // Nothing was asked.
        Err(_) if request.is_none() => Ok(StreamableHttpPostResponse::Accepted),
        Err(why) => Err(Problem::UnexpectedServerResponse(why.into())),
    }
}

/// What a response with the status of a failure means: the error in it, where there is one that the protocol knows.
async fn refused(
    message: &ClientJsonRpcMessage,
    in_session: bool,
    response: Response,
    session_id: Option<String>,
    is_json: bool,
) -> Result<StreamableHttpPostResponse, Problem> {
    let status = response.status();
    let later = (status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()).then(|| {
        let after = response.headers().get(header::RETRY_AFTER).and_then(|it| it.to_str().ok());
        HttpStatusError::new(status.as_u16(), after.map(str::to_owned))
    });
    if let Some(later) = later.as_ref().filter(|_| !is_json || status == StatusCode::TOO_MANY_REQUESTS) {
        return Err(HttpStatusError::new(later.status, later.retry_after.clone()).into());
    }
    let body = match read(response, MAX_ERROR_BYTES).await {
        Ok(body) => body,
        Err(Problem::ResponseBodyTooLarge { max_size }) => {
            return Err(later.map_or(Problem::ResponseBodyTooLarge { max_size }, Problem::from));
        }
        Err(_) => b"its text could not be read".to_vec(),
    };
    let error = match serde_json::from_slice(&body) {
        Ok(ServerJsonRpcMessage::Error(error)) => Some(error),
        _ => None,
    };
    let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let text = String::from_utf8_lossy(&body);
    // A server that does not know how the protocol begins today; its error cannot name the request.
    if let JsonRpcMessage::Request(request) = message
        && matches!(request.request, ClientRequest::DiscoverRequest(_))
        && status.is_client_error()
        && !in_session
        && !is_refusal
    {
        let why = || ErrorData::invalid_request(format!("server/discover rejected with HTTP {status}: {text}"), None);
        let error = error.map_or_else(why, |error| error.error);
        return Ok(StreamableHttpPostResponse::Json(
            ServerJsonRpcMessage::error(error, Some(request.id.clone())),
            None,
        ));
    }
    match (error.filter(|_| is_json && !is_refusal), later) {
        (Some(error), _) => Ok(StreamableHttpPostResponse::Json(JsonRpcMessage::Error(error), session_id)),
        (None, Some(later)) => Err(later.into()),
        (None, None) => Err(Problem::UnexpectedServerResponse(format!("HTTP {status}: {text}").into())),
    }
}

/// An event, with an error in the place of a message whose values would take too much. `request` is what it answers, if its
/// own text does not say that.
fn measured(mut event: Sse, request: Option<&RequestId>) -> Sse {
    let text = event.data.as_deref().unwrap_or_default();
    if let Some(why) = too_many_values(text.as_bytes(), MAX_MEMORY) {
        let id = id_of(text.as_bytes()).or_else(|| request.cloned());
        let answer = id.and_then(|id| serde_json::to_string(&unreadable(id, &why)).ok());
        event.data = Some(answer.unwrap_or_default());
    }
    event
}

fn unreadable(id: RequestId, why: &str) -> ServerJsonRpcMessage {
    let why = format!("the server's answer cannot be read: {why}; ask for less");
    ServerJsonRpcMessage::error(ErrorData::internal_error(why, None), Some(id))
}

/// The events of a body, up to one that is too large or cannot be read.
fn events(response: Response, request: Option<RequestId>) -> Events {
    let pieces = stream::unfold(Some((response, EventSize::default())), |state| async move {
        let (mut response, mut size) = state?;
        match response.chunk().await.map_err(|error| io::Error::other(error.without_url())) {
            Ok(None) => None,
            Ok(Some(piece)) if size.has_room_for(&piece) => Some((Ok(piece), Some((response, size)))),
            Ok(Some(_)) => Some((Err(io::ErrorKind::FileTooLarge.into()), None)),
            Err(error) => Some((Err(error), None)),
        }
    });
    let events = SseStream::from_bytes_stream(pieces.boxed());
    let events = events.map(move |event| match (event, &request) {
        (Ok(event), request) => Ok(measured(event, request.as_ref())),
        (Err(SseError::Body(error)), Some(id)) if is_too_large(&*error) => {
            let why = format!("it has more than {MAX_MESSAGE_BYTES} bytes");
            Ok(Sse { data: serde_json::to_string(&unreadable(id.clone(), &why)).ok(), ..Sse::default() })
        }
        (Err(error), _) => Err(error),
    });
    events.boxed()
}

fn is_too_large(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::FileTooLarge)
}

/// The bytes of an event so far: an empty line ends it.
#[derive(Default)]
struct EventSize {
    bytes: usize,
    is_line_empty: bool,
    after_return: bool,
}

impl EventSize {
    fn has_room_for(&mut self, piece: &[u8]) -> bool {
        for byte in piece {
            let ends_line = matches!(byte, b'\r' | b'\n');
            // The second half of one end of a line.
            if !(self.after_return && *byte == b'\n') {
                self.bytes = if ends_line && self.is_line_empty { 0 } else { self.bytes + 1 };
                self.is_line_empty = ends_line;
            }
            self.after_return = *byte == b'\r';
            if self.bytes > MAX_MESSAGE_BYTES {
                return false;
            }
        }
        true
    }
}

async fn read(mut response: Response, max_size: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(Problem::Client)? {
        if piece.len() > max_size - body.len() {
            return Err(Problem::ResponseBodyTooLarge { max_size });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The message in a body, or why it is none.
async fn parsed(body: Vec<u8>) -> Result<Result<ServerJsonRpcMessage, String>, Problem> {
    let is_short = body.len() <= MAX_INLINE_BYTES;
    let parse = move || {
        serde_json::from_slice(&body).map_err(|error| {
            let begin = String::from_utf8_lossy(body.get(..PREVIEW_BYTES).unwrap_or(&body));
            format!("the answer is no message of the protocol: {error}: {begin}")
        })
    };
    // Others are served by this thread meanwhile.
    if is_short { Ok(parse()) } else { Ok(spawn_blocking(parse).await?) }
}

const SESSION_ID: &str = "mcp-session-id";
/// What is read of the body of a failure, and what is shown of one that is no message.
const MAX_ERROR_BYTES: usize = 64 << 10;
const PREVIEW_BYTES: usize = 256;
