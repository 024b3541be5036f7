/** The parts of the rendered template that its test reads. */
import * as v from 'valibot';

export const Intrinsic = v.union([
  v.strictObject({ Ref: v.string() }),
  v.strictObject({ 'Fn::GetAtt': v.array(v.string()) }),
]);
export const Statement = v.object({
  Effect: v.string(),
  Action: v.union([v.string(), v.array(v.string())]),
  Resource: v.optional(v.unknown()),
  Condition: v.optional(v.unknown()),
});
const PolicyDocument = v.object({ Statement: v.array(Statement) });
export const LambdaFunction = v.object({
  DependsOn: v.array(v.string()),
  Properties: v.object({
    Code: v.object({ S3Key: v.string() }),
    FunctionName: v.string(),
    Handler: v.string(),
    Runtime: v.string(),
    Architectures: v.array(v.string()),
    MemorySize: v.number(),
    Timeout: v.number(),
    Role: v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.literal('Arn')]) }),
    Environment: v.object({ Variables: v.record(v.string(), v.union([v.string(), Intrinsic])) }),
    TracingConfig: v.optional(v.unknown()),
    LoggingConfig: v.optional(v.unknown()),
    ReservedConcurrentExecutions: v.optional(v.number()),
  }),
});
export const Url = v.object({ Properties: v.object({ AuthType: v.string(), TargetFunctionArn: Intrinsic }) });
export const Permission = v.object({
  Properties: v.strictObject({
    Action: v.literal('lambda:InvokeFunction'),
    FunctionName: Intrinsic,
    Principal: v.string(),
    SourceArn: v.unknown(),
  }),
});
export const Rule = v.object({
  Properties: v.object({
    State: v.picklist(['ENABLED', 'DISABLED']),
    ScheduleExpression: v.optional(v.string()),
    EventPattern: v.optional(v.record(v.string(), v.unknown())),
    Targets: v.tuple([v.object({ Arn: Intrinsic })]),
  }),
});
export const Role = v.object({
  Properties: v.strictObject({
    AssumeRolePolicyDocument: PolicyDocument,
    Policies: v.array(v.object({ PolicyDocument })),
  }),
});
export const LogGroup = v.object({ Properties: v.object({ LogGroupName: v.string(), RetentionInDays: v.number() }) });
export const Template = v.object({
  Resources: v.record(v.string(), v.looseObject({ Type: v.string() })),
  Outputs: v.record(v.string(), v.looseObject({ Value: v.unknown() })),
});
