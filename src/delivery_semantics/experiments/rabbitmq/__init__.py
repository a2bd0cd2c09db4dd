"""Payments through RabbitMQ, and what becomes of them.

Book: 12-rabbitmq
"""
