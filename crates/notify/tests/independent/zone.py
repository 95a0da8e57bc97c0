"""A name server whose packets dnspython writes: prints its port; answers from a zone in the first argument.

Over UDP it sends nothing that is longer than 512 bytes: such answers are marked as cut off.
"""
import json, socketserver, sys, threading
import dns.flags, dns.message, dns.rcode, dns.rdatatype, dns.rrset

zone = {(name, kind): values for name, kind, values in json.loads(sys.argv[1])}


def answer(wire, udp):
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name, kind = question.name.to_text(True).lower(), dns.rdatatype.to_text(question.rdtype)
    response = dns.message.make_response(query, recursion_available=True)
    if (name, "SERVFAIL") in zone:
        response.set_rcode(dns.rcode.SERVFAIL)
        return response.to_wire(max_size=65535)
    owner = question.name
    if (name, "CNAME") in zone:
        target = zone[(name, "CNAME")][0]
        response.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", target + "."))
        owner, name = dns.name.from_text(target), target
    values = zone.get((name, kind))
    if values:
        response.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *values))
    elif not any(known == name for known, _ in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    wire = response.to_wire(max_size=65535)
    if udp and len(wire) > 512:
        cut = dns.message.make_response(query, recursion_available=True)
        cut.flags |= dns.flags.TC
        return cut.to_wire()
    return wire


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        wire = answer(data, True)
        # First what a forger would send: another id, and noise.
        socket.sendto(bytes([data[0] ^ 1]) + wire[1:], self.client_address)
        socket.sendto(b"noise", self.client_address)
        socket.sendto(wire, self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        length = int.from_bytes(self.rfile.read(2), "big")
        wire = answer(self.rfile.read(length), False)
        self.wfile.write(len(wire).to_bytes(2, "big") + wire)


tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp)
port = tcp.server_address[1]
udp = socketserver.ThreadingUDPServer(("127.0.0.1", port), Udp)
threading.Thread(target=tcp.serve_forever, daemon=True).start()
print(port, flush=True)
udp.serve_forever()
