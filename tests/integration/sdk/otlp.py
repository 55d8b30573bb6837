"""Traces over OTLP: the unmodified SDK in mode="otlp", and OpenTelemetry's own exporter.

Prints one JSON object with what it saw; any surprise is an exception.
"""
import json
import os

from execlave import Execlave
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

URL = os.environ["WRIT_URL"]
KEY = os.environ["WRIT_API_KEY"]


def of_the_sdk():
    exe = Execlave(api_key=KEY, base_url=URL, environment="production", mode="otlp", otlp_endpoint=URL,
                   enable_control_channel=False)
    exe.register_agent(agent_id="otel-bot", name="Otel bot")
    trace = exe.start_trace(agent_id="otel-bot", session_id="s-1", user_id="u-1")
    trace.set_input({"q": "?"}).set_output("fine").set_model("gpt-4o").set_tokens(input=3, output=4).set_cost(0.25)
    trace.finish(status="error", error_type="ToolError", error_message="boom")
    exe.flush()
    exe.shutdown()
    return trace.trace_id


class Watched(OTLPSpanExporter):
    """Keeps what became of each export."""

    results = []

    def export(self, spans):
        result = super().export(spans)
        self.results.append(result)
        return result


def of_opentelemetry():
    exporter = Watched(endpoint=f"{URL}/v1/traces", headers={"x-api-key": KEY}, compression=Compression.Gzip)
    provider = TracerProvider(resource=Resource.create({"service.name": "otel-bot", "deployment.environment.name": "production"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test", "1")
    with tracer.start_as_current_span("invoke") as parent:
        with tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.request.model", "gpt-4o")
            span.set_attribute("gen_ai.usage.input_tokens", 5)
            span.set_attribute("gen_ai.usage.output_tokens", 6)
            span.set_attribute("app.ticket", 7)
        trace = format(parent.get_span_context().trace_id, "032x")
    provider.shutdown()
    assert Watched.results == [SpanExportResult.SUCCESS] * 2, Watched.results
    return trace


print(json.dumps({"sdk": of_the_sdk(), "otel": of_opentelemetry()}))
