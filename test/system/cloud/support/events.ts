/** What EC2 puts on the bus, as AWS documents it (Amazon EC2 User Guide, "Automate Amazon EC2 using EventBridge"). */
export const terminationOf = (instance: string) => ({
  Source: 'aws.ec2',
  DetailType: 'EC2 Instance State-change Notification',
  Detail: JSON.stringify({ 'instance-id': instance, state: 'terminated' }),
});
