// Bundled instead of @aws-sdk/credential-provider-node: Lambda passes its role's credentials in the environment, and the
// other providers (SSO, ini files, processes, IMDS) are 130 KiB that every cold start would read for nothing.
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
