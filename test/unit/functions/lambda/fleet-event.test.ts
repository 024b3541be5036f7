/** The samples are from AWS's documentation, with its account, instance and Region. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FleetEvent, parseFleetEvent } from '../../../../functions/lambda/fleet-event.ts';

const INSTANCE = 'i-1234567890abcdef0';

const envelope = {
  version: '0',
  id: '12345678-1234-1234-1234-123456789012',
  account: '123456789012',
  time: '2026-11-11T21:29:54Z',
  region: 'us-west-2',
  resources: [`arn:aws:ec2:us-west-2:123456789012:instance/${INSTANCE}`],
};

const tick = {
  ...envelope,
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  resources: ['arn:aws:events:us-west-2:123456789012:rule/sweep'],
  detail: {},
};

const stateChange = (state: string) => ({
  ...envelope,
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  detail: { 'instance-id': INSTANCE, state },
});

const spotWarning = (action: string) => ({
  ...envelope,
  'detail-type': 'EC2 Spot Instance Interruption Warning',
  source: 'aws.ec2',
  detail: { 'instance-id': INSTANCE, 'instance-action': action },
});

const scaledIn = (Destination?: string) => ({
  ...envelope,
  'detail-type': 'EC2 Instance Terminate Successful',
  source: 'aws.autoscaling',
  resources: ['auto-scaling-group-arn', 'instance-arn'],
  detail: {
    StatusCode: 'InProgress',
    Description: 'Terminating EC2 instance: i-12345678',
    AutoScalingGroupName: 'my-asg',
    ActivityId: '87654321-4321-4321-4321-210987654321',
    Details: { 'Availability Zone': 'us-west-2b', 'Subnet ID': 'subnet-12345678' },
    RequestId: '12345678-1234-1234-1234-123456789012',
    StatusMessage: '',
    EndTime: 'yyyy-mm-ddThh:mm:ssZ',
    EC2InstanceId: INSTANCE,
    StartTime: 'yyyy-mm-ddThh:mm:ssZ',
    Cause: 'description-text',
    Origin: 'AutoScalingGroup',
    ...(Destination !== undefined && { Destination }),
  },
});

const lifecycleAction = (Destination: string) => ({
  ...envelope,
  'detail-type': 'EC2 Instance-terminate Lifecycle Action',
  source: 'aws.autoscaling',
  resources: ['auto-scaling-group-arn'],
  detail: {
    LifecycleActionToken: '87654321-4321-4321-4321-210987654321',
    AutoScalingGroupName: 'my-asg',
    LifecycleHookName: 'my-lifecycle-hook',
    EC2InstanceId: INSTANCE,
    LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
    NotificationMetadata: 'additional-info',
    Origin: 'AutoScalingGroup',
    Destination,
  },
});

describe('an event of EventBridge', () => {
  const meanings: readonly (readonly [string, unknown, FleetEvent['kind']])[] = [
    ['the schedule', tick, 'tick'],
    ['an instance is pending', stateChange('pending'), 'none'],
    ['an instance runs', stateChange('running'), 'none'],
    ['an instance is stopping: it may come back', stateChange('stopping'), 'none'],
    ['an instance is stopped: it may come back', stateChange('stopped'), 'none'],
    ['an instance shuts down for good', stateChange('shutting-down'), 'drain'],
    ['an instance is terminated', stateChange('terminated'), 'death'],
    ['a spot instance will be terminated', spotWarning('terminate'), 'drain'],
    ['a spot instance will be stopped: it may come back', spotWarning('stop'), 'none'],
    ['a spot instance will hibernate: it may come back', spotWarning('hibernate'), 'none'],
    ['Auto Scaling has terminated an instance', scaledIn('EC2'), 'death'],
    ['Auto Scaling has put an instance into the warm pool: it may come back', scaledIn('WarmPool'), 'none'],
    ['Auto Scaling does not say where an instance has gone', scaledIn(), 'none'],
    ['Auto Scaling is about to terminate an instance', lifecycleAction('EC2'), 'drain'],
    ['Auto Scaling is about to put an instance into the warm pool', lifecycleAction('WarmPool'), 'none'],
  ];
  for (const [what, event, kind] of meanings) {
    it(`${what}: ${kind}`, () => {
      const meaning = parseFleetEvent(event);
      assert.equal(meaning.kind, kind);
      if (meaning.kind !== 'tick') assert.equal(meaning.hostId, INSTANCE);
    });
  }

  it('gives the reason', () => {
    const why = (event: unknown) => {
      const meaning = parseFleetEvent(event);
      return meaning.kind === 'tick' ? '' : meaning.why;
    };
    assert.equal(why(stateChange('terminated')), 'EC2 says that the instance is terminated');
    assert.equal(why(scaledIn('WarmPool')), 'Auto Scaling moves the instance to WarmPool');
  });
});

describe('the parser of events refuses', () => {
  const strangers: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined],
    ['a string', 'terminated'],
    ['an empty object', {}],
    ['an event of another kind', { ...stateChange('terminated'), 'detail-type': 'EC2 Instance Launch Successful' }],
    ['a source that anyone may use', { ...stateChange('terminated'), source: 'my.ec2' }],
    ['a source of another service', { ...stateChange('terminated'), source: 'aws.autoscaling' }],
    ['an invalid schedule', { ...tick, source: 'custom' }],
    ['no instance', { ...stateChange('terminated'), detail: { state: 'terminated' } }],
    ['an invalid instance id', { ...scaledIn('EC2'), detail: { EC2InstanceId: 'web-1', Destination: 'EC2' } }],
    ['a request through a Function URL', { version: '2.0', rawPath: '/Berth.HostState', body: '{}', headers: {} }],
  ];
  for (const [what, event] of strangers) {
    it(what, () => {
      assert.throws(() => parseFleetEvent(event), /^Error: unknown event \(/);
    });
  }
});
