"""Starts the emulator, after three things are added that AWS does and it does not:

- A request to DynamoDB has `dynamodb:LeadingKeys`, by which roles are limited: the partition keys of what it asks for
  ("Using IAM policy conditions for fine-grained access control"). Berth's are called `pk`.

- A Function URL tells its function who signed the request: as of an HTTP API, `requestContext.authorizer.iam` ("Invoking
  Lambda function URLs", request payload format).
- AWS's own services put events of sources `aws.…` on the bus. The emulator's EC2 puts none, and takes them from nobody:
  here the account's root may, who then stands for EC2.
"""

import json
import re

from ministack.core import iam_actions
from ministack.services import apigateway, eventbridge, lambda_svc

dynamodb_context = iam_actions.dynamodb_service_context


def key_or_item(write):
    return [part.get("Key") or part.get("Item") for part in write.values()]


def dynamodb_context_with_leading_keys(body):
    request = json.loads(body or b"{}")
    parts = [request.get("Key"), request.get("Item")]
    for asked in (request.get("RequestItems") or {}).values():
        # BatchGetItem names the keys of a table, BatchWriteItem lists what to write.
        parts += asked["Keys"] if isinstance(asked, dict) else [part for write in asked for part in key_or_item(write)]
    keys = [part["pk"]["S"] for part in parts if part and "pk" in part]
    names = request.get("ExpressionAttributeNames") or {}
    for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or ""):
        if names.get(name, name) == "pk":
            keys.append(request["ExpressionAttributeValues"][value]["S"])
    return {**dynamodb_context(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}


iam_actions.dynamodb_service_context = dynamodb_context_with_leading_keys

function_url_event = lambda_svc._build_function_url_event


def function_url_event_with_caller(*args, **kwargs):
    event = function_url_event(*args, **kwargs)
    headers, query = args[5], args[7]
    event["requestContext"]["authorizer"] = {"iam": apigateway._iam_caller_identity_v2(headers, query)}
    return event


lambda_svc._build_function_url_event = function_url_event_with_caller

put_events = eventbridge._put_events
eventbridge._put_events = lambda data, allow_aws_source=True: put_events(data, allow_aws_source)

from ministack.app import main

main()
