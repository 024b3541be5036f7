/**
 * What EventBridge sends: the ticks of a schedule, and changes of EC2 instances, in the shapes that AWS documents
 * (Amazon EC2 User Guide, "Automate Amazon EC2 using EventBridge"; Amazon EC2 Auto Scaling User Guide, "event reference").
 * Only AWS can send an event whose source begins with `aws.`. The id of an EC2 host is that of its instance.
 */
import * as v from 'valibot';
import { isInstanceId } from '../../protocol/ids.ts';

export type FleetEvent =
  | { readonly kind: 'tick' }
  /** The instance is gone for good: nothing on it can run any more. */
  | { readonly kind: 'death'; readonly hostId: string; readonly why: string }
  /** The instance is about to be terminated, and its containers still run. */
  | { readonly kind: 'drain'; readonly hostId: string; readonly why: string }
  /** The event does not mean the end of the instance: a stopped instance may start again, with all that it held. */
  | { readonly kind: 'none'; readonly hostId: string; readonly why: string };

const instance = v.pipe(v.string(), v.check(isInstanceId, 'not an instance id'));
const word = v.pipe(v.string(), v.maxLength(64));

const scheduled = v.object({ source: v.literal('aws.events'), 'detail-type': v.literal('Scheduled Event') });

const stateChange = v.object({
  source: v.literal('aws.ec2'),
  'detail-type': v.literal('EC2 Instance State-change Notification'),
  detail: v.object({ 'instance-id': instance, state: word }),
});

const spotWarning = v.object({
  source: v.literal('aws.ec2'),
  'detail-type': v.literal('EC2 Spot Instance Interruption Warning'),
  detail: v.object({ 'instance-id': instance, 'instance-action': word }),
});

/** Where the instance goes: back to EC2, which terminates it, or into a warm pool, from which it may return. */
const leaving = v.object({ EC2InstanceId: instance, Destination: v.optional(word, 'unknown') });

const terminated = v.object({
  source: v.literal('aws.autoscaling'),
  'detail-type': v.literal('EC2 Instance Terminate Successful'),
  detail: leaving,
});

const terminating = v.object({
  source: v.literal('aws.autoscaling'),
  'detail-type': v.literal('EC2 Instance-terminate Lifecycle Action'),
  detail: leaving,
});

const schema = v.variant('detail-type', [scheduled, stateChange, spotWarning, terminated, terminating]);

/** @throws Error that says what is wrong with the event. */
export function parseFleetEvent(event: unknown): FleetEvent {
  const parsed = v.safeParse(schema, event);
  if (parsed.success) return meaningOf(parsed.output);
  const [issue] = parsed.issues;
  throw new Error(`unknown event (${v.getDotPath(issue) ?? 'event'}: ${issue.message})`);
}

function meaningOf(event: v.InferOutput<typeof schema>): FleetEvent {
  switch (event['detail-type']) {
    case 'Scheduled Event':
      return { kind: 'tick' };
    case 'EC2 Instance State-change Notification': {
      const { 'instance-id': hostId, state } = event.detail;
      const kind = state === 'terminated' ? 'death' : state === 'shutting-down' ? 'drain' : 'none';
      return { kind, hostId, why: `EC2 says that the instance is ${state}` };
    }
    case 'EC2 Spot Instance Interruption Warning': {
      const { 'instance-id': hostId, 'instance-action': action } = event.detail;
      return { kind: action === 'terminate' ? 'drain' : 'none', hostId, why: `EC2 interrupts the instance: ${action}` };
    }
    case 'EC2 Instance Terminate Successful':
      return leavingTo(event.detail, 'death', 'Auto Scaling has terminated the instance');
    case 'EC2 Instance-terminate Lifecycle Action':
      return leavingTo(event.detail, 'drain', 'Auto Scaling is about to terminate the instance');
  }
}

/** Only EC2 terminates an instance. An event that does not say where the instance goes proves nothing. */
function leavingTo(
  { EC2InstanceId: hostId, Destination: destination }: v.InferOutput<typeof leaving>,
  kind: 'death' | 'drain',
  why: string,
): FleetEvent {
  if (destination === 'EC2') return { kind, hostId, why };
  return { kind: 'none', hostId, why: `Auto Scaling moves the instance to ${destination}` };
}
