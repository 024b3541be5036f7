import { dynamoDbLocal, whyNoDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { storeContract } from './contract.ts';
import { lostAnswers } from './lost-answers.ts';

const ENGINE = 'DynamoDB Local';
const why = whyNoDynamoDbLocal();
storeContract(ENGINE, dynamoDbLocal, why);
lostAnswers(ENGINE, dynamoDbLocal, why);
