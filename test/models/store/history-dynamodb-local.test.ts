import { dynamoDbLocal, whyNoDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { historyContract } from './history-contract.ts';

historyContract('DynamoDB Local', dynamoDbLocal, whyNoDynamoDbLocal());
