"""An object store on loopback with two identities: `owner` may do everything, `writer` can only add and read.

Prints one line of JSON when it is ready, and ends when its input does.
"""

import json
import sys
import urllib.parse
import urllib.request

import boto3
from moto.iam.access_control import S3IAMRequest
from moto.server import ThreadedMotoServer

# This version looks at the query as it reads it, not as it was sent and signed, and so refuses its own client too
# where a value has a slash. It is signed as the rule says: every byte but plain ones as its number.
as_read = S3IAMRequest._create_aws_request


def as_sent(self):
    path, mark, query = self._path.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")] if mark else []
    quoted = [[urllib.parse.quote(urllib.parse.unquote(part), safe="-_.~") for part in (k, v)] for k, _, v in pairs]
    self._path = path + mark + "&".join(f"{k}={v}" for k, v in quoted)
    return as_read(self)


S3IAMRequest._create_aws_request = as_sent

# A store that says what it was asked, on stderr alone.
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"
founder = {
    "endpoint_url": endpoint,
    "region_name": "us-east-1",
    "aws_access_key_id": "founder",
    "aws_secret_access_key": "founder",
}
boto3.client("s3", **founder).create_bucket(Bucket="backups")
iam = boto3.client("iam", **founder)


def user(name, actions):
    iam.create_user(UserName=name)
    allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


told = {
    "endpoint": endpoint,
    "owner": user("owner", ["s3:*"]),
    "writer": user("writer", ["s3:ListBucket", "s3:GetObject", "s3:PutObject"]),
}
# From now on signatures and policies count.
enforce = urllib.request.Request(
    f"{endpoint}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"}
)
urllib.request.urlopen(enforce).read()
print(json.dumps(told), flush=True)
sys.stdin.read()
