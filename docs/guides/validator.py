"""A validator: refunds need an order. Run it with VALIDATOR_SECRET=… python validator.py"""
import hashlib, hmac, json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("VALIDATOR_SECRET", "").encode()

def decide(act):
    if "refund" in act["tools"] and not (act["metadata"] or {}).get("order"):
        return {"decision": "deny", "reason": "a refund needs an order"}
    return {"decision": "allow", "reason": ""}

class Validator(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(signature, self.headers.get("X-Execlave-Signature", ""))
        self.send_response(200 if genuine else 401)
        self.end_headers()
        if genuine:
            self.wfile.write(json.dumps(decide(json.loads(body))).encode())

if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8090), Validator).serve_forever()
