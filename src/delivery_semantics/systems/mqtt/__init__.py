"""MQTT, on a mosquitto that is found or started.

Book: 08-stripe-idempotency
"""
