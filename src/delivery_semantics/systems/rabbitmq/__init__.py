"""RabbitMQ, found or started, watched through a proxy, and used by the package's receivers.

Book: 12-rabbitmq
"""
