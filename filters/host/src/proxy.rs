//! The host that is a real proxy.

use crate::host::{GrpcStatus, Headers, Host, HostError, Level, MetricId, MetricKind, Reply};
use crate::{Filter, Flow};
pub use proxy_wasm;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{
    Action, BufferType, ContextType, GrpcStatusCode, LogLevel, MapType, MetricType, Status,
};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

/// Makes `F` the filter of this module.
pub fn register<F: Filter>() {
    proxy_wasm::set_root_context(|_| Box::new(Root::<F> { filter: None }));
}

struct Proxy;

fn failed(call: &'static str) -> impl Fn(Status) -> HostError {
    move |status| HostError {
        call,
        status: status as u32,
    }
}

impl Host for Proxy {
    fn request_headers(&self) -> Result<Headers, HostError> {
        hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map_err(failed("request headers"))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value))
            .map_err(failed("set request header"))
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        hostcalls::remove_map_value(MapType::HttpRequestHeaders, name)
            .map_err(failed("remove request header"))
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, name, Some(value))
            .map_err(failed("set response header"))
    }

    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        hostcalls::get_property(path.to_vec()).map_err(failed("get property"))
    }

    fn set_filter_state(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        hostcalls::set_property(vec![name], Some(value)).map_err(failed("set property"))
    }

    fn clear_route_cache(&self) -> Result<(), HostError> {
        hostcalls::call_foreign_function("clear_route_cache", None)
            .map(|_| ())
            .map_err(failed("clear route cache"))
    }

    fn reply(&self, reply: &Reply<'_>) -> Result<(), HostError> {
        let headers = &reply.headers;
        match reply.grpc_status {
            Some(status) => {
                let code = match status {
                    GrpcStatus::InvalidArgument => GrpcStatusCode::InvalidArgument,
                    GrpcStatus::PermissionDenied => GrpcStatusCode::PermissionDenied,
                    GrpcStatus::Unavailable => GrpcStatusCode::Unavailable,
                };
                let headers = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_bytes()));
                hostcalls::send_grpc_response(code, Some(reply.body), headers.collect())
            }
            None => hostcalls::send_http_response(
                u32::from(reply.status),
                headers.clone(),
                Some(reply.body.as_bytes()),
            ),
        }
        .map_err(failed("reply"))
    }

    fn now(&self) -> Result<Duration, HostError> {
        let now = hostcalls::get_current_time().map_err(failed("current time"))?;
        Ok(now.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    #[cfg(target_arch = "wasm32")]
    fn memory(&self) -> Option<u64> {
        /// WebAssembly core specification, 4.2.8.
        const PAGE: u64 = 64 << 10;
        let pages = u64::try_from(core::arch::wasm32::memory_size::<0>()).ok()?;
        Some(pages.saturating_mul(PAGE))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn memory(&self) -> Option<u64> {
        None
    }

    fn metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        hostcalls::define_metric(kind, name)
            .map(MetricId)
            .map_err(failed("define metric"))
    }

    fn add(&self, metric: MetricId, by: u32) -> Result<(), HostError> {
        hostcalls::increment_metric(metric.0, i64::from(by)).map_err(failed("increment metric"))
    }

    fn set(&self, metric: MetricId, to: u64) -> Result<(), HostError> {
        hostcalls::record_metric(metric.0, to).map_err(failed("record metric"))
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        // A proxy that cannot log cannot be told so.
        let _ = hostcalls::log(level, message);
    }
}

struct Root<F> {
    filter: Option<Rc<F>>,
}

impl<F: Filter> Context for Root<F> {}

impl<F: Filter> RootContext for Root<F> {
    fn on_configure(&mut self, size: usize) -> bool {
        let configuration = match size {
            0 => Ok(None),
            size => hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size),
        };
        let Ok(configuration) = configuration else {
            Proxy.log(
                Level::Error,
                "landbridge: the configuration could not be read",
            );
            return false;
        };
        match F::configure(&Proxy, &configuration.unwrap_or_default()) {
            Some(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            None => false,
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http {
            filter: self.filter.clone(),
            stream: None,
        }))
    }
}

struct Http<F: Filter> {
    filter: Option<Rc<F>>,
    stream: Option<F::Stream>,
}

impl<F: Filter> Context for Http<F> {}

impl<F: Filter> HttpContext for Http<F> {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let flow = match &self.filter {
            Some(filter) => {
                let (flow, stream) = filter.on_request(&Proxy);
                self.stream = Some(stream);
                flow
            }
            None => F::unconfigured(&Proxy),
        };
        match flow {
            Flow::Continue => Action::Continue,
            Flow::Answered => Action::Pause,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let (Some(filter), Some(stream)) = (&self.filter, self.stream.take()) {
            filter.on_response(&Proxy, stream);
        }
        Action::Continue
    }
}
